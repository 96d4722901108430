"""`make bench-airflow`: what an operator adds to a job, ours against the provider's in turn, and many jobs queued at once.

`before` is from the task's start to its application's, `after` from the driver's end to the task's. An Airflow of this machine (scheduler,
triggerer, LocalExecutor) speaks to the running cluster. Both sides pay for its queue, and both find the client of Kubernetes imported by
our plugin, without which the provider's tasks begin two seconds later. Prints its memory and the Spark operator's, too.

  python scripts/bench/airflow_bench.py --rounds 5 --queued 50
"""

import argparse
import statistics
import time
from collections import Counter
from datetime import datetime
from typing import Any

from airflow_clock import Clock, count_waiting, operator_memory
from airflow_local import LocalAirflow, run_airflow

from sparkyard.kube import Kube, find_kubeconfig
from sparkyard.kube.applications import delete_application
from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT

SIDES = ("bench_ours", "bench_provider", "bench_provider_deferred")
Pair = tuple[float, float]


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def measure(air: LocalAirflow, clock: Clock, dag: str) -> Pair | None:
    """Nothing for a task that failed although its application is well, which the provider's do now and then; ours must not."""
    clock.begin()
    run = air.trigger(dag)
    air.wait_for_end(dag, run)
    [task] = air.tasks(dag, run)
    [(name, made)] = clock.made.items()
    delete_application(clock.kube, JOBS_NAMESPACE, name)
    if task["state"] != "success":
        if dag == SIDES[0]:
            raise SystemExit(f"{dag}: {task['state']}\n{air.log(dag, run, task['task_id'])[-3000:]}")
        return None
    return (made - parse(task["start_date"])).total_seconds(), (parse(task["end_date"]) - clock.ended[name]).total_seconds()


def compare(air: LocalAirflow, clock: Clock, rounds: int) -> dict[str, list[Pair]]:
    spans: dict[str, list[Pair]] = {side: [] for side in SIDES}
    for turn in range(rounds + 1):
        for side in SIDES:
            found = measure(air, clock, side)
            words = f"before {found[0]:6.2f} s  after {found[1]:6.2f} s" if found else "its task failed, not counted"
            print(f"{turn or 'warm-up':>7}  {side:24} {words}", flush=True)
            spans[side] += [found] if turn and found else []
    return spans


def print_overheads(spans: dict[str, list[Pair]]) -> None:
    print(f"\n{'median seconds':24} {'before':>8} {'after':>8} {'both':>8}")
    spans = {side: pairs for side, pairs in spans.items() if pairs}
    both = {side: statistics.median(sum(pair) for pair in pairs) for side, pairs in spans.items()}
    for side, pairs in spans.items():
        before, after = (statistics.median(pair[index] for pair in pairs) for index in (0, 1))
        print(f"{side:24} {before:8.2f} {after:8.2f} {both[side]:8.2f}")
    for side in list(spans)[1:]:
        print(f"ratio ours / {side}: {both[SIDES[0]] / both[side]:.2f}")


def queue(air: LocalAirflow, clock: Clock, count: int) -> None:
    """All at once; what they wait for is counted all the time."""
    clock.begin()
    waiting: Counter[str] = Counter()
    most: Counter[str] = Counter()
    begin, run = time.monotonic(), air.trigger("bench_queue")
    while air.ask("GET", f"dags/bench_queue/dagRuns/{run}")["state"] not in ("success", "failed"):
        waiting += count_waiting(clock.kube, set(clock.made))
        waiting["for Airflow to submit it"] += count - len(clock.made)
        sizes = {part: air.memory(part) for part in ("scheduler", "triggerer")} | {"operator": operator_memory(clock.kube)}
        most |= Counter({name: round(size) for name, size in sizes.items()})
        time.sleep(3)
    print_queue(air.tasks("bench_queue", run), count, time.monotonic() - begin, waiting, most)
    for name in clock.made:
        delete_application(clock.kube, JOBS_NAMESPACE, name)


def print_queue(tasks: list[dict[str, Any]], count: int, seconds: float, waiting: Counter[str], most: Counter[str]) -> None:
    ended = Counter(task["state"] for task in tasks)
    print(f"\n{count} at once: {dict(ended)} in {seconds:.0f} s, {60 * ended['success'] / seconds:.1f} applications a minute")
    print("most MiB: " + ", ".join(f"{name} {size}" for name, size in most.items()))
    print("what they waited for: " + ", ".join(f"{what} {part / max(1, waiting.total()):.0%}" for what, part in waiting.most_common()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side, after one that is not counted (5)")
    parser.add_argument("--queued", type=int, default=50, help="jobs at once (50); 0: none")
    args = parser.parse_args()
    more = {"KUBECONFIG": find_kubeconfig() or "", "BENCH_QUEUED": str(max(1, args.queued))}
    with run_airflow(ROOT / "scripts/bench/airflow_dags", more) as air:
        clock = Clock(Kube())
        if args.rounds:
            print_overheads(compare(air, clock, args.rounds))
        if args.queued:
            queue(air, clock, args.queued)


if __name__ == "__main__":
    main()
