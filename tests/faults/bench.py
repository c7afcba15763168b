# SPDX-License-Identifier: Apache-2.0
"""What a case of tests/faults is, what it runs in, and what is looked at behind it."""

import ctypes
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
LONGEST_S = 120


@dataclasses.dataclass
class Case:
    """One fault. STATUS has the words of error.h that may come of it, and MESSAGE what the one error line matches."""

    name: str
    status: str = "none"
    message: str = ""
    rules: list = dataclasses.field(default_factory=list)
    folders: list = None  # what the archive serves; None: what it always does
    cache: str = "empty"  # or one of the kept ones, see Bench.keep()
    options: list = dataclasses.field(default_factory=list)
    mirrors: list = None
    prefix: list = dataclasses.field(default_factory=list)  # a program that starts kiln
    prepare: object = None  # function of the bench, before
    during: object = None  # function of the bench and the process, while it runs
    undo: object = None  # function of the bench, before the next build
    image: str = "final"  # which image the build makes, when it makes one
    next_options: list = dataclasses.field(default_factory=list)
    killed: bool = False
    early: str = None  # a status that is all right as long as kiln has said nothing
    delivers: bool = False  # it fails when everything is done
    quick: bool = False  # one of those that `make check` runs


@dataclasses.dataclass
class Result:
    case: Case
    status: str
    text: str
    left: list
    next: str
    wrong: list
    seconds: float
    stage: str


def become_subreaper():
    """Whatever kiln leaves running becomes a child of this process, so that it can be seen."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def children():
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.append(int(name))
    return found


def processes_left(patience_s=5):
    """Children that are still there after a while, by name; they are ended then."""
    end = time.monotonic() + patience_s
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return []
        left = children()
        if not left or time.monotonic() > end:
            break
        time.sleep(0.02)
    names = []
    for pid in left:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                names.append("process " + file.read().replace(b"\0", b" ").decode(errors="replace").strip()[:60])
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return names


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return {line.split(" ")[0] + " " + line.split(" ")[4] for line in file}


def files_below(folder):
    found = []
    for path, folders, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(path, name), folder) for name in [*folders, *names]]
    return sorted(found)


def words_of_status(top):
    with open(os.path.join(top, "builder/base/error.h"), encoding="utf-8") as file:
        return {int(number): word.lower()
                for word, number in re.findall(r"^\s*ERROR_([A-Z]+) = (\d+)", file.read(), re.MULTILINE)}


class Bench:
    """Folders for one case after the other, and kiln."""

    def __init__(self, work, folder, archive, kiln, top):
        self.work, self.folder, self.archive, self.kiln = work, folder, archive, kiln
        self.words = words_of_status(top)
        self.images = {}
        self.kept = os.path.join(work, "kept")
        for name in ("cache", "out", "tmp", "disk", "home"):
            setattr(self, name, os.path.join(folder, name))

    def clear(self):
        for name in mounts():
            path = name.partition(" ")[2]
            if path.startswith(self.folder + "/"):
                subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in (self.out, self.tmp, self.disk, self.home):
            os.makedirs(path)

    def start(self, options=(), prefix=(), mirrors=None, out=None):
        options = list(options)
        command = [*prefix, self.kiln, "build", os.path.join(self.work, "r.yaml"), "--format", "unified",
                   "--compression", "none", "--cache", self.cache, "--output", out or self.out, *options]
        if "--retries" not in options:
            command += ["--retries", "1"]
        for mirror in mirrors if mirrors is not None else [self.archive.url()]:
            command += ["--mirror", mirror]
        environment = {**os.environ, "TMPDIR": self.tmp, "HOME": self.home, "LC_ALL": "C"}
        for name in ("KILN_MIRROR", "XDG_CACHE_HOME", "SOURCE_DATE_EPOCH"):
            environment.pop(name, None)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment, start_new_session=True, cwd=self.folder)

    def finish(self, process):
        """Status as a word, what it said on standard error."""
        try:
            _, err = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, err = process.communicate()
            return "endless", err.decode(errors="replace")
        code = process.returncode
        if code < 0:
            return "killed by " + signal.Signals(-code).name, err.decode(errors="replace")
        return self.words.get(code, f"status {code}"), err.decode(errors="replace")

    def build(self, **arguments):
        return self.finish(self.start(**arguments))

    def image(self, out=None):
        """What a build has made: the fingerprint, and the names of its files. None without image.json."""
        out = out or self.out
        try:
            with open(os.path.join(out, "image.json"), encoding="utf-8") as file:
                record = json.load(file)
        except OSError:
            return None
        sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=out, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if sums.returncode:
            return "sums: " + sums.stdout.decode()
        # The log of a build that failed stays, under the name that its image would have had.
        return [record["artifacts"][0]["fingerprint"],
                *sorted(name for name in os.listdir(out) if not name.endswith(".log"))]

    def take_cache(self, name):
        shutil.rmtree(self.cache, ignore_errors=True)
        if name != "empty":
            subprocess.run(["cp", "-a", os.path.join(self.kept, name), self.cache], check=True)

    def keep(self):
        """Undisturbed builds: of both archives, so that there is something to compare with, and their caches."""
        os.makedirs(self.kept, exist_ok=True)
        for name, options in (("fetched", ["--until", "fetch"]), ("no-layers", ["--no-layers"]), ("full", []),
                              ("old", [])):
            self.clear()
            self.archive.begin([], [os.path.join(self.work, "web", "old")] if name == "old" else None)
            status, err = self.build(options=options)
            if status != "none":
                raise SystemExit(f"a build of '{name}' without faults: {status}\n{err}")
            subprocess.run(["cp", "-a", self.cache, os.path.join(self.kept, name)], check=True)
            if name != "fetched":
                self.images["old" if name == "old" else "final"] = self.image()
        self.archive.end()

    # ---- behind a build

    def left_behind(self, case, before, succeeded):
        left = processes_left()
        left += ["mount " + line for line in sorted(mounts() - before)]
        left += ["temporary " + name for name in files_below(self.tmp)]
        if not case.killed:
            left += ["work " + name for name in files_below(self.disk)]
        if not succeeded:
            left += ["output " + name for name in files_below(self.out)
                     if not (name.endswith(".log") or (case.killed and self.is_whole(name)))]
        left += ["cache " + name for name in files_below(self.cache) if self.is_half_done(name, case)]
        return left

    def is_whole(self, name):
        """A file that a killed build was just delivering: they come one after the other, but each is whole."""
        return re.search(r"\.(tar|manifest|spdx\.json|cdx\.json|provenance\.json)$|^SHA256SUMS$|^image\.json$", name)

    def is_half_done(self, name, case):
        if case.killed:  # the next build sweeps
            return False
        return re.search(r"^partial/\.|^layers/new\.|^layers/\.|^payload/\.|^volatile/\.", name)

    def judge(self, case, status, err):
        wrong = []
        lines = [line for line in err.splitlines()
                 if line.startswith("kiln: ") and not line.startswith("kiln: warning: ")]
        text = lines[-1][6:] if lines else ""
        if status not in case.status.split("|") and (err or status != case.early):
            wrong.append(f"status is {status}, should be {case.status}")
        if status == "none":
            if lines:
                wrong.append("it succeeds, with an error")
            if self.image() != self.images[case.image]:
                wrong.append(f"the image is {self.image()}, should be {self.images[case.image]}")
        elif not status.startswith("killed"):
            if len(lines) != 1:
                wrong.append(f"{len(lines)} error lines, should be one")
            elif not re.search(case.message, text):
                wrong.append(f"the message should match: {case.message}")
        if status == "none" and case.message and not re.search(case.message, err) and "|" not in case.status:
            wrong.append(f"a warning should match: {case.message}")
        return wrong, text

    def run_next(self, case, before):
        """The next build, undisturbed: word, what is wrong."""
        if case.image != "final" and self.image():
            shutil.rmtree(self.out)
        options = case.next_options(self) if callable(case.next_options) else case.next_options
        status, err = self.build(options=options)
        if status != "none":
            return f"fails: {status}", [f"the next build fails: {status}\n{err}"]
        image = self.image()
        if image != self.images["final"]:
            return "differs", [f"the next image is {image}, should be {self.images['final']}"]
        left = ["next: mount " + line for line in mounts() - before]
        left += ["next: " + line for line in processes_left()]
        left += ["next: temporary " + name for name in files_below(self.tmp)]
        left += ["next: work " + name for name in files_below(self.disk)]
        left += ["next: cache " + name for name in files_below(self.cache)
                 if re.search(r"^partial/|^layers/new\.", name)]
        return "same", left

    def run(self, case):
        self.clear()
        self.take_cache(case.cache)
        if case.prepare:
            case.prepare(self)
        before = mounts()
        self.archive.begin(case.rules() if callable(case.rules) else case.rules,
                           case.folders and [os.path.join(self.work, "web", name) for name in case.folders])
        begin = time.monotonic()
        mirrors = case.mirrors(self) if callable(case.mirrors) else case.mirrors
        options = case.options(self) if callable(case.options) else case.options
        prefix = case.prefix(self) if callable(case.prefix) else case.prefix
        process = self.start(options=options, prefix=prefix, mirrors=mirrors)
        if case.during:
            case.during(self, process)
        status, err = self.finish(process)
        seconds = time.monotonic() - begin
        self.archive.end()
        wrong, text = self.judge(case, status, err)
        left = self.left_behind(case, before, status == "none" or (case.delivers and self.image() == self.images[case.image]))
        if case.undo:
            case.undo(self)
        word, more = self.run_next(case, before)
        if left:
            wrong.append("it leaves: " + ", ".join(left))
        stages = re.findall(r"^(\w+) +[\d.]+ s  ", err, re.MULTILINE)
        if wrong or more:
            wrong.append(err)
        return Result(case, status, text, left, word, wrong + more, seconds, stages[-1] if stages else "-")
