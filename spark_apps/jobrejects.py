"""Lines that are no rows: counted file by file, kept with their reason, and too many of them fail the job.

A job's parser gives each line a `reason`: null for a good row, HEADER for a header, else why it is none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobfiles import replace_rows, source_id_column
from jobkit import InputError, Job

HEADER = "header"
COLUMNS = "line STRING, reason STRING, source_file STRING, source_id STRING"


class Findings:
    """What a first pass over the lines counts; a file that lacks its header is rejected whole."""

    def __init__(self, counted: Iterable[Row], header: str) -> None:
        by_file: dict[str, Counter[str | None]] = defaultdict(Counter)
        self.parts = set()
        for row in counted:
            by_file[row.source_file][row.reason] += row.lines
            self.parts |= {row.part} - {None}
        self.headless = sorted(file for file, lines in by_file.items() if HEADER not in lines)
        self.no_header = f"its file has no header {header}"
        self.reasons: Counter[str] = Counter()
        self.counts: dict[str, tuple[int, int]] = {}  # file: lines read, rejected
        for file, lines in by_file.items():
            read = lines.total() - lines.pop(HEADER, 0)
            rejected = Counter({self.no_header: read} if file in self.headless else {why: count for why, count in lines.items() if why})
            self.reasons += rejected
            self.counts[file] = (read, rejected.total())

    def is_headless(self) -> Column:
        return F.col("source_file").isin(self.headless)


def examine(lines: DataFrame, header: str, part: Column, job: Job) -> Findings:
    """One pass; `part` is what of a table a good row touches."""
    good_part = F.when(F.col("reason").isNull(), part).alias("part")
    counted = lines.groupBy("source_file", "reason", good_part).agg(F.count("*").alias("lines"))
    found = Findings(counted.collect(), header)
    job.rows |= {"read": sum(read for read, _ in found.counts.values()), "rejected": found.reasons.total()}
    return found


def good_rows(lines: DataFrame, found: Findings) -> DataFrame:
    return lines.where(F.col("reason").isNull() & ~found.is_headless())


def quarantine(lines: DataFrame, found: Findings, table: DataFrame, name: str, these_files: Column, job: Job) -> None:
    """Keep what is rejected, in the place of what these files left here before."""
    if not found.reasons and table.where(these_files).isEmpty():
        return
    reason = F.when(found.is_headless(), found.no_header).otherwise(F.col("reason")).alias("reason")
    rejects = lines.where((F.col("reason") != HEADER) | (found.is_headless() & F.col("reason").isNull()))
    replace_rows(rejects.select("line", reason, "source_file", source_id_column()), name, these_files, job)
    job.facts["rejected_because"] = dict(found.reasons)


def check_share(reasons: Counter[str], allowed: float, quarantine_name: str, job: Job) -> None:
    """Fail when too much was rejected; the quarantine table has been written by then and shows what."""
    read, rejected = job.rows["read"], job.rows["rejected"]
    if rejected <= allowed * read:
        return
    listed = ", ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(5))
    raise InputError(
        f"{rejected:,} of {read:,} rows rejected ({rejected / read:.2%}), more than the {allowed:.2%} of --max-rejected: {listed}. "
        f"They are in {quarantine_name} with reason and source file; no other table was touched."
    )
