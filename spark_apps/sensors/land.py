"""Lands readings of sensors, whatever they measure: JSON lines to one long table.

From: *.json files under <input>, an object a line: sensor, time (ISO-8601 UTC), and any parameters
To:   yard.trusted.sensors_land             a row for each parameter of a reading: its type, its value as written, and as a number
      yard.trusted.sensors_land_quarantine  every line that is no reading, with reason and source file
      yard.trusted.sensors_land_files       which version of which file has been read, by which run

A parameter that nobody announced is kept as any other, and so is a value of another type than before: `type` says number, text, flag, list,
object or nothing (null), `value` is what was written, `number` what it is as a number, also where it came as text. A reading belongs to the
day of its own time, whenever its file arrives. A run reads only files that are new or changed, and replaces in one commit what they said.
An eighth of a folder is written together: give every day a folder, or the rows of old files are written again with those of new ones.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobgroups
import jobkit
import jobrejects
import sensorkit
from sensorkit import FILES, NOTHING, QUARANTINE, READINGS

TABLES = {
    READINGS: (f"{sensorkit.COLUMNS}, source_file STRING, source_id STRING", "date, source_id"),
    QUARANTINE: (jobrejects.COLUMNS, "source_id"),
    FILES: (jobfiles.FILE_COLUMNS, ""),
}
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"
EARLIEST = "2000-01-01"
# What a value is called by, from what Spark calls it.
TYPES = {
    "number": "BIGINT|DECIMAL.*|DOUBLE|FLOAT",
    "text": "STRING",
    "flag": "BOOLEAN",
    "list": "ARRAY.*",
    "object": "OBJECT.*",
    NOTHING: "VOID",
}


def parse(lines: DataFrame) -> DataFrame:
    """Lines to sensor, time and `values`, a map by parameter; `reason` says why a line is no reading."""
    text = F.btrim("value", F.lit(" \t\r\ufeff"))
    plain = lines.select("source_file", "modified", "value", (text == "").alias("blank"))
    said = jobfiles.parse_once(plain, F.struct(F.try_parse_json(text).alias("json")))
    is_object = F.schema_of_variant("json").startswith("OBJECT")
    fields = F.when(is_object, F.col("json").cast("MAP<STRING, VARIANT>")).alias("fields")
    sensor, time = (F.try_variant_get("json", f"$.{name}", "string") for name in ("sensor", "time"))
    time = F.when(time.rlike(TIME), time.try_cast("timestamp"))
    read = jobfiles.parse_once(said, F.struct(fields, sensor.alias("sensor"), time.alias("time")))
    return read.select(
        "source_file",
        F.make_valid_utf8("value").alias("line"),
        F.btrim("sensor").alias("sensor"),
        "time",
        F.map_filter("fields", lambda name, _: ~name.isin("sensor", "time")).alias("values"),
        why_not().alias("reason"),
    )


def why_not() -> Column:
    """A clock that is wrong would give its parameters a wrong first day: no reading is younger than its file."""
    late = F.col("modified") + F.expr("INTERVAL 1 DAY")
    return (
        F.when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.col("blank"), "blank line")
        .when(F.col("json").isNull(), "no JSON, or a name twice in it")
        .when(F.col("fields").isNull(), "no object")
        .when(F.coalesce(F.btrim("sensor"), F.lit("")) == "", "no sensor")
        .when(F.col("time").isNull(), "time is no time")
        .when(F.col("time") < F.lit(EARLIEST).cast("timestamp"), f"time is before {EARLIEST}")
        .when(F.col("time") > late, "time is after that of its file")
        .when(F.size("fields") < 3, "no parameter")
    )


def to_rows(readings: DataFrame) -> DataFrame:
    """A row for each parameter."""
    values = readings.select("sensor", "time", "source_file", F.explode("values").alias("parameter", "said"))
    text = F.col("said").cast("string")
    named = F.coalesce(*(F.when(F.schema_of_variant("said").rlike(f"^({spark})$"), kind) for kind, spark in TYPES.items()), F.lit("other"))
    return values.select(
        F.to_date("time").alias("date"),
        "sensor",
        "time",
        "parameter",
        named.alias("type"),
        text.alias("value"),
        F.when(named.isin("number", "text") & text.rlike(NUMBER), text.try_cast("double")).alias("number"),
        "source_file",
        jobgroups.group_column(),
    )


def read(spark: SparkSession, files: Sequence[Row]) -> DataFrame:
    place = ["_metadata.file_path AS source_file", "_metadata.file_modification_time AS modified"]
    return parse(jobfiles.reader(spark).text(jobfiles.plain_paths(files)).selectExpr("value", *place))


def examine(spark: SparkSession, rows: DataFrame, files: Sequence[Row], job: jobkit.Job) -> jobrejects.Findings:
    """A file of such lines is its own header."""
    heads = spark.createDataFrame([(file.source_file, jobrejects.HEADER) for file in files], "source_file STRING, reason STRING")
    counted = rows.select("source_file", "reason").unionByName(heads)
    return jobrejects.examine(counted, "", F.lit(None).cast("string"), job)


def load(spark: SparkSession, files: Sequence[Row], args: argparse.Namespace, job: jobkit.Job) -> None:
    readings, these_files = read(spark, files), jobfiles.from_files(files)
    with job.phase("check lines"):
        found = examine(spark, readings, files, job)
    with job.phase("quarantine"):
        jobrejects.quarantine(readings, found, spark.table(QUARANTINE), QUARANTINE, these_files, job)
        jobrejects.check_share(found.reasons, args.max_rejected, QUARANTINE, job)
    with job.phase("write"):
        jobgroups.replace_files(to_rows(readings.where(F.col("reason").isNull())), READINGS, files, job)
        job.rows["written"] = jobgroups.of_files(jobfiles.read_anew(spark, READINGS), files).count()
    with job.phase("note files"):
        jobfiles.note_files(spark, files, found.counts, FILES, job)


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    jobfiles.load_new_files(spark, args.input, TABLES, FILES, job, lambda files: load(spark, files, args, job))


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("sensors-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="the folder under which the files lie, as a URI")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.01, help="share of lines that may be no readings, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("sensors-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
