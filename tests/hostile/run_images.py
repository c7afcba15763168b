#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every image of a corpus through every command that reads one.

    run_images.py --kiln PROGRAM --corpus FOLDER --scratch FOLDER --errors builder/base/error.h [--only NAME]...

Each run has a limit of memory and one of time. It must end with a documented exit status: 0, or one that says what is
wrong with an image, in one line that names the file. What the corpus calls good every command must take, what it calls
bad `kiln verify` must refuse. Nothing may appear outside the folder that a command was given. Prints a table of counts,
then what went wrong; fails when anything did.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

MEMORY_MAX = 2 << 30    # address space
RESIDENT_MAX = 300 << 20
SECONDS_MAX = 30
ESCAPED = "kiln-escaped"

# What an image may be refused with.
REFUSALS = ("format", "digest", "unsupported", "lint", "different")


def read_statuses(path):
    with open(path, encoding="utf-8") as file:
        return {int(number): word.lower() for word, number in re.findall(r"ERROR_([A-Z]+) = (\d+)", file.read())}


class Runner:
    def __init__(self, options):
        self.options = options
        self.statuses = read_statuses(options.errors)
        self.good = os.path.join(options.corpus, "good-unified-none.tar")
        with open(options.kiln, "rb") as file:
            self.sanitized = b"__asan_init" in file.read()
        said = subprocess.run([options.kiln, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
        there = re.findall(r"^  ([a-z]+) ", said, re.MULTILINE)
        self.commands = [name for name in ("verify", "inspect", "lint", "diff", "convert", "unpack") if name in there]

    def arguments(self, command, files, target):
        if command == "diff":
            # Two images, each of which finds its root by its name.
            return [self.good, files[0]]
        if command == "convert":
            return files + ["--format", "unified", "--compression", "zstd-1", "--output", target]
        if command == "unpack":
            return files + [target]
        return files

    def run(self, command, stem, files, target):
        """Exit status (negative: a signal), what it said, resident bytes."""
        os.makedirs(target)
        said_path = target + ".said"
        limits = ["--cpu=%d" % SECONDS_MAX, "--core=0"] + ([] if self.sanitized else ["--as=%d" % MEMORY_MAX])
        with open(said_path, "wb") as said, open(os.devnull, "rb+") as null:
            process = subprocess.Popen(["prlimit"] + limits + [self.options.kiln, command] +
                                       self.arguments(command, files, os.path.join(target, "to")),
                                       stdin=null, stdout=null, stderr=said, cwd=target)
            timer = threading.Timer(2 * SECONDS_MAX, process.send_signal, (signal.SIGKILL,))
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = 0
        with open(said_path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
        os.unlink(said_path)
        return os.waitstatus_to_exitcode(status), text, usage.ru_maxrss * 1024

    def judge(self, command, stem, verdict, status, text, resident):
        """(word for the table, what is wrong or None)"""
        word = "valid" if status == 0 else self.statuses.get(status, "status %d" % status)
        lines = [line for line in text.splitlines()
                 if line.startswith("kiln: ") and not line.startswith("kiln: warning: ")]
        if "Sanitizer" in text or "runtime error" in text:
            return "sanitizer", text[-3000:]
        if status < 0:
            return "signal %d" % -status, text[-500:]
        # Unpacking may ask the kernel for what it does not do, such as a name or an attribute that a file system lacks.
        if status and word not in REFUSALS and not (word == "system" and "cannot unpack to" in text):
            return word, "this is no status for a bad image: " + text[-500:]
        if status and len(lines) != 1:
            return word, "the error should be one line: " + text[-500:]
        if command != "verify" and status and stem not in text and word not in ("lint", "different", "system"):
            return word, "the error does not name the file: " + text[-500:]
        if command == "verify" and {"good": status != 0, "bad": status == 0, "any": False}[verdict]:
            return word, "it is %s: %s" % (verdict, text[-500:])
        if verdict == "good" and status and word not in ("lint", "different"):
            return word, "it is good: " + text[-500:]
        if not self.sanitized and resident > RESIDENT_MAX:
            return word, "it took %d MiB" % (resident >> 20)
        return word, None

    def one(self, number, command, row):
        stem, names, verdict, reason = row
        files = [os.path.join(self.options.corpus, name) for name in names.split(",")]
        outer = os.path.join(self.options.scratch, "%06d" % number)
        target = os.path.join(outer, "in")
        word, wrong = self.judge(command, stem, verdict, *self.run(command, stem, files, target))
        beside = [name for name in os.listdir(outer) if name != "in"] + [n for n in os.listdir(target) if n != "to"]
        if beside:
            wrong = "there is something outside the folder: %s" % beside
        # Folders may be too deep for shutil, and have no permission bits.
        subprocess.run(["rm", "-rf", "--", outer], check=True)
        return command, word, wrong and "%s %s (%s): %s" % (command, stem, reason, wrong.strip())


def main():
    parser = argparse.ArgumentParser()
    for name in ("kiln", "corpus", "scratch", "errors"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    options.corpus, options.scratch = os.path.abspath(options.corpus), os.path.abspath(options.scratch)
    options.kiln = os.path.abspath(options.kiln)
    runner = Runner(options)
    with open(os.path.join(options.corpus, "index.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    rows = [row for row in rows if not options.only or row[0] in options.only]
    work = [(command, row) for i, row in enumerate(rows) for command in runner.commands
            if not runner.sanitized or command in ("verify", "unpack") or i % 5 == 0]

    counts = collections.defaultdict(collections.Counter)
    problems = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for command, word, wrong in pool.map(lambda item: runner.one(item[0], *item[1]), enumerate(work)):
            counts[command][word] += 1
            if wrong:
                problems.append(wrong)
    for folder in ("/", "/tmp", options.scratch):
        path = os.path.join(folder, ESCAPED)
        if os.path.lexists(path):
            problems.append("something wrote " + path)
            if not os.path.isdir(path):
                os.unlink(path)
    shutil.rmtree(options.scratch, ignore_errors=True)

    words = sorted({word for counter in counts.values() for word in counter}, key=lambda word: (word != "valid", word))
    print("%-10s" % "command" + "".join("%14s" % word for word in words) + "%10s" % "files")
    for command in runner.commands:
        print("%-10s" % command + "".join("%14d" % counts[command][word] for word in words) +
              "%10d" % sum(counts[command].values()))
    for problem in problems:
        print("WRONG " + problem.replace("\n", "\n      "))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
