#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds under faults, one after the other, and what each of them leaves.

    tests/faults/run.py WORK [--long] [--seed N] [--only PATTERN] [--shards N] [--list]

WORK is the ground that tests/e2e/faults.sh prepares: a recipe, and archives below web/. Prints a line per case as
tests/lib.sh has it, then the table, and how many cases there were. Needs root.
"""

import argparse
import multiprocessing
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archive  # noqa: E402
import bench  # noqa: E402
import host  # noqa: E402
import network  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


NOTHING_MEASURED = {"seconds": 1, "image": 6000, "cache": 20000, "root": 6000}


def kib_of(folder):
    blocks = {}
    for path, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            found = os.lstat(os.path.join(path, name))
            blocks[found.st_ino] = found.st_blocks
    return sum(blocks.values()) // 2


def all_cases(arguments, measured):
    found = [*network.cases(arguments.long), *host.cases(arguments.long, arguments.seed, measured)]
    if arguments.only:
        return [case for case in found if re.search(arguments.only, case.name)]
    return found if arguments.long else [case for case in found if case.quick]


def make_bench(arguments, name):
    bench.become_subreaper()
    server = archive.Archive([os.path.join(arguments.work, "web", "final")])
    return bench.Bench(arguments.work, os.path.join(arguments.work, name), server,
                       os.environ.get("KILN", os.path.join(TOP, "out/kiln")), TOP)


def work(arguments, cases, images, shard, results, turn):
    ground = make_bench(arguments, f"shard{shard}")
    ground.images = images
    while True:
        with turn.get_lock():
            i, turn.value = turn.value, turn.value + 1
        if i >= len(cases):
            break
        try:
            result = ground.run(cases[i])
        except Exception as error:  # a mistake of a case must not hide the others
            ground.archive.end()
            bench.processes_left(0)
            result = bench.Result(cases[i], "-", "", [], "-", [f"{type(error).__name__}: {error}"], 0, "-")
        results.put((i, dataclass_without_functions(result)))
    ground.clear()


def dataclass_without_functions(result):
    """What goes from one process to another: functions cannot."""
    result.case = result.case.name
    return result


def measure(arguments, results):
    """Undisturbed builds, in a process of their own: what is compared with, and how long one takes."""
    ground = make_bench(arguments, "first")
    ground.keep()
    ground.clear()
    begin = time.monotonic()
    ground.build(options=["--evidence", "none"])
    measured = {"seconds": time.monotonic() - begin, "image": kib_of(ground.out) - 16, "cache": kib_of(ground.cache)}
    measured["root"] = measured["image"]  # a tar archive of it, but for the heads
    results.put((ground.images, measured))
    ground.clear()


def in_process(function, *arguments):
    process = multiprocessing.Process(target=function, args=arguments)
    process.start()
    return process


def say(result):
    """One line for tests/run, at once; what is wrong under it."""
    print(f"{'not ok' if result.wrong else 'ok'} - {result.case}")
    for line in "\n".join(result.wrong).splitlines():
        print(f"# {line}")
    sys.stdout.flush()


def row(result, width):
    left = "nothing" if not result.left else f"{len(result.left)} traces"
    return (f"# {result.case:{width}}  {result.status.replace('none', 'done'):12}  {left:8}  {result.next:6}  "
            f"{result.seconds:5.1f}  {result.text[:150]}")


def tally(words):
    counts = {word: words.count(word) for word in words}
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items(), key=lambda item: -item[1]))


def report(results, seed):
    width = max(len(result.case) for result in results)
    print(f"# {'case':{width}}  {'status':12}  {'left':8}  {'next':6}  {'s':>5}  message")
    for result in results:
        print(row(result, width))
    stages = [result.stage for result in results if result.case.startswith("SIG")]
    if stages:
        print("# signals came behind the stage: " + tally(stages))
    wrong = sum(1 for result in results if result.wrong)
    print(f"# count: {len(results)} cases of faults, {wrong} wrong: " +
          tally([result.status.replace("none", "done") for result in results]) +
          f"; after each nothing left and the next build the same; seed {seed}" * (wrong == 0))
    return wrong


def main():
    parser = argparse.ArgumentParser(description="builds under faults")
    parser.add_argument("work")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2), "big"))
    parser.add_argument("--only", help="cases whose name matches, quick or not")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    arguments.work = os.path.realpath(arguments.work)
    if arguments.list:
        print(*(case.name for case in all_cases(arguments, NOTHING_MEASURED)), sep="\n")
        return 0
    print(f"# seed {arguments.seed}", flush=True)
    queue = multiprocessing.SimpleQueue()
    first = in_process(measure, arguments, queue)
    first.join()
    if first.exitcode:
        return first.exitcode
    images, measured = queue.get()
    cases = all_cases(arguments, measured)
    turn = multiprocessing.Value("i", 0)
    workers = [in_process(work, arguments, cases, images, shard, queue, turn) for shard in range(arguments.shards)]
    found = {}
    while len(found) < len(cases):
        i, result = queue.get()
        found[i] = result
        say(result)
    for worker in workers:
        worker.join()
    return 1 if report([found[i] for i in sorted(found)], arguments.seed) else 0


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    sys.exit(main())
