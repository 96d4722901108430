"""Lands a Windows share: its files, byte for byte, in raw.

From: the files of a share, which driver and executors see under /shares/<name>/files
To:   s3a://raw/<name>/…         every file under its own path, as the share holds it; `_a` and `.a`, which Spark hides, as `~_a` and `~.a`
      yard.raw.share_land_files  which version of which file was landed when (path, size, time of change, SHA-256); which has vanished, or
                                 has another name

A run copies only files that are new or changed (size or time of change); one whose content is as before is noted, not copied. What is
still being written (two looks differ), locked, or named by bytes that are no UTF-8 is left for the next run, and said. A changed file takes
the place of the old one in one step; one that has vanished from the share is noted, and raw keeps it, for what has come to an end may still
be asked for. One whose content has come under a new name is noted as renamed: raw keeps both, and a landing from raw that would count rows
twice takes the old name's away (losses-land does).

The list of files is written batch by batch: a run that was killed goes on where it stood, and what it may have copied and has not noted is
copied again, whatever the share holds by then. What it left half written is taken away by a run that begins half an hour later.
"""

import argparse
import pickle
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import rawstore
import sharebook
import sharecopy
import sharefiles
from sharebook import Book, Missing
from sharecopy import Outcome, Wanted

ROUND = 5_000  # files that are noted at once
BATCH = 100  # files of a task
BATCH_BYTES = 64 << 20
SAID_EVERY = 5.0  # seconds
TOLD = 20  # names in a message


def make_rounds(wanted: Sequence[Wanted]) -> Iterator[list[list[Wanted]]]:
    """Batches for tasks, large files first: the last task of a round is then a short one."""
    for begin in range(0, len(wanted), ROUND):
        batches: list[list[Wanted]] = [[]]
        size = 0
        for file in sorted(wanted[begin : begin + ROUND], key=lambda file: -file.size):
            if batches[-1] and (size + file.size > BATCH_BYTES or len(batches[-1]) >= BATCH):
                batches.append([])
                size = 0
            batches[-1].append(file)
            size += file.size
        yield batches


def copy_round(spark: SparkSession, root: str, store: rawstore.Store, batches: list[list[Wanted]]) -> list[tuple[Wanted, Outcome]]:
    """A task for each batch, which takes its own out of all."""
    packed = [pickle.dumps(batch) for batch in batches]
    copy = F.udf(lambda batch: sharecopy.copy_files(root, store, pickle.loads(packed[batch])), sharecopy.OUTCOMES).asNondeterministic()
    try:
        copied = spark.range(0, len(batches), 1, len(batches)).select("id", copy("id").alias("files")).collect()
    except Exception as error:
        if told := re.search(r"Error: (\[Errno [^\n]+|\S+ refused [^\n]+)", str(error)):
            raise jobkit.JobError(f"raw cannot be written: {told[1]}") from error
        raise
    return [(batches[row.id][file.number], Outcome(*file)) for row in copied for file in row.files]


def land(
    spark: SparkSession, wanted: Sequence[Wanted], book: Book, missing: Missing, args: argparse.Namespace, job: jobkit.Job
) -> Counter[str]:
    """Round by round; what was left is counted by its reason. That a file was renamed is noted in one step with its new name."""
    root, store = sharefiles.folder_of(args.share), rawstore.open_store(spark, args.to)
    counts: Counter[str] = Counter()
    left: list[tuple[str, str]] = []
    renamed: list[tuple[str, str]] = []
    size = 0
    for batches in make_rounds(wanted):
        doubtful = [file for batch in batches for file in batch if file.known]
        if doubtful:  # from here on raw may hold what nobody has noted
            sharebook.note(spark, [(file, "copying", "") for file in doubtful], args, job)
        on_their_way = f", {sum(map(len, batches)):,} more on their way"
        with jobkit.every(SAID_EVERY, partial(say, counts.total(), len(wanted), on_their_way)):
            outcomes = copy_round(spark, root, store, batches)
        noted = [(file, "landed", said.sha256) for file, said in outcomes if said.state in ("copied", "same")]
        moves = sharebook.find_moves(noted, book, missing)
        if noted:
            sharebook.note(spark, [*noted, *((old, "renamed", old.known) for old, _ in moves)], args, job)
        renamed += [(old.path, new) for old, new in moves]
        left += [(file.path, said.reason) for file, said in outcomes if said.state == "left"]
        counts.update(said.state for _, said in outcomes)
        size += sum(file.size for file, said in outcomes if said.state == "copied")
        say(counts.total(), len(wanted), f", {counts['copied']:,} copied ({size / 1e6:,.0f} MB)")
        if is_doubtful([said for _, said in outcomes]):
            sharefiles.open_share(args.share)
    job.facts["bytes_copied"] = job.facts.get("bytes_copied", 0) + size
    tell(left, renamed, job)
    return counts


def say(looked_at: int, wanted: int, more: str) -> None:
    print(f"{looked_at:,} of {wanted:,} files looked at{more}", flush=True)


def is_doubtful(outcomes: Sequence[Outcome]) -> bool:
    """Whether the share itself may be gone: nothing could be read, or something failed that is not a file's own fault."""
    fine = any(said.state in ("copied", "same") for said in outcomes)
    return not fine or any(said.state == "left" and said.reason not in (sharecopy.CHANGING, sharecopy.NO_ACCESS) for said in outcomes)


def tell(left: Sequence[tuple[str, str]], renamed: Sequence[tuple[str, str]], job: jobkit.Job) -> None:
    for path, reason in left[:TOLD]:
        print(f"left for the next run: {path} ({reason})", flush=True)
    for old, new in renamed[:TOLD]:
        print(f"renamed on the share: {old} is {new} now; raw keeps both, losses-land counts the new one", flush=True)
    rows = [*([path, reason] for path, reason in left[:TOLD]), *([old, f"renamed to {new}"] for old, new in renamed[:TOLD])]
    if rows:
        job.highlights = [*(job.highlights or [["file", "what of it"]]), *rows]
    job.facts |= {"left_because": dict(Counter(reason for _, reason in left))} if left else {}
    job.facts |= {"files_renamed": job.facts.get("files_renamed", 0) + len(renamed)} if renamed else {}


def find_contested(spark: SparkSession, wanted: Sequence[Wanted], since: int | None, args: argparse.Namespace, run_id: str) -> list[Wanted]:
    """Files that another run has landed meanwhile, as they are now: whose copy came last, nobody knows."""
    landed = sharebook.read_paths(spark, args, since, run_id) if wanted else set()
    found = [sharefiles.look_at(args.share, file.path) for file in wanted if file.path in landed]
    keys = {file.path: file.key for file in wanted}
    return [Wanted(*file, keys[file.path], sharecopy.UNSURE) for file in found if file]


def note_vanished(
    spark: SparkSession, vanished: Sequence[Wanted], listing: sharefiles.Listing, args: argparse.Namespace, job: jobkit.Job
) -> None:
    if not vanished:
        return
    if not listing.files:
        raise sharefiles.lost(args.share, f"it is empty, and {len(vanished):,} files were there before; raw keeps them")
    sharebook.note(spark, [(file, "vanished", file.known) for file in vanished], args, job)
    job.facts["files_vanished"] = len(vanished)
    for file in vanished[:TOLD]:
        print(f"no longer on the share, kept in raw: {file.path}", flush=True)


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    args.to = f"{args.to.rstrip('/')}/{args.share}"
    with job.phase("list the share"):
        sharefiles.open_share(args.share)
        listing = sharefiles.list_files(args.share, args.folder, args.pattern, lambda words: print(words, flush=True))
        listed = time.time()
        print(f"{len(listing.files):,} files in {listing.folders:,} folders", flush=True)
    with job.phase("compare"):
        jobfiles.ensure_tables(spark, sharebook.TABLES)
        since, book = sharebook.current_version(spark), sharebook.read_book(spark, args)
        wanted, vanished = sharebook.find_wanted(listing.files, book), sharebook.find_vanished(book, listing, args)
        note_vanished(spark, vanished, listing, args, job)
    with job.phase("copy"):
        rawstore.sweep(spark, args.to, job)
        # a second look comes when the mount has forgotten the first one: what is being written has moved by then
        time.sleep(max(0.0, listed + args.settle - time.time()) if wanted else 0.0)
        missing = sharebook.find_missing(book, vanished, listing)
        counts = land(spark, wanted, book, missing, args, job) if wanted else Counter()
        if again := find_contested(spark, wanted, since, args, job.run_id):
            land(spark, again, book, {}, args, job)
    job.tables = list(dict.fromkeys(job.tables))  # written round by round
    job.rows = {"read": len(wanted), "rejected": counts["left"] + counts["gone"], "written": counts["copied"]}
    job.facts |= {"files": len(listing.files), "files_known": len(listing.files) - len(wanted), "files_same": counts["same"]}
    job.facts |= {"files_ignored": listing.ignored} if listing.ignored else {}
    if listing.unread:
        job.facts |= {"unread": len(listing.unread), "unread_because": dict(list(listing.unread.items())[:TOLD])}


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("share-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", required=True, type=sharefiles.share_name, help="the share's name, which is that of its claim")
    parser.add_argument("--folder", default="", type=lambda text: text.strip("/"), help="a folder of the share; all of it without")
    parser.add_argument("--pattern", default="*", help="paths to land, as in *.csv or base/*; large and small letters are one")
    parser.add_argument("--to", default="s3a://raw", help="where the share's folder is made")
    parser.add_argument("--settle", type=float, default=6.0, help="seconds between two looks at a file; more than its mount remembers")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("share-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
