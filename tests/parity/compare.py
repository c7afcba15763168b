#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the packages that `kiln plan` chooses with those that apt-get chooses in an empty root.

    tests/parity/compare.py [OPTION...]
        --suites bullseye,bookworm,trixie,sid    --architectures amd64,arm64
        --variants minbase,-,buildd              --recommends no,yes
        --sets N       random sets of packages in each cell of these four (default 500), of 1, 5 and 30 names;
                       each cell begins with the variant alone
        --no-hard      without the sets of hard.txt, which are tried in every cell otherwise
        --hard-every N   every N-th of those only, beginning with another one in each cell
        --seed SEED    draws the same sets again as long as the archive is the same (default: a new one)
        --set NAMES    this set alone, names separated by blanks
        --shrink       take names away from a set that differs for as long as it differs
        --least SHARE  percentage of identical results below which the exit status is 1 (default 99.5)
        --mirror URL   of the Debian archive (default: as apt's settings on this host have it)
        --kiln FILE    the program (default: out/kiln)      --jobs N   sets at once (default: all processors)
        --built FILE   a kiln beside which many_apt.so and many_plans are (default: as --kiln)
        --alone        a kiln and an apt-get for each set, instead of one for many (many_apt.c, many_plans.c)
        --recheck N    every N-th set is asked of such as well, and must get the same answers (default 50)
        --folder FOLDER   where the copies of the archives are, and stay for the next run
        --keep FOLDER  remember there what apt-get said, until the archive or apt-get change

Both programs read the same files: the signed indexes of the mirror, copied once into an archive on this
disk. A suite comes with its updates, security and backports as far as the mirror has them. Results are the
same when names and versions of all packages are the same, or when both refuse. One line is printed for each
cell, and every difference. "bookworm+trixie" for a suite is both of them side by side, where every other
package of a random set is asked for from one suite of those that have it ("vim/bookworm").

The root of an image starts with a merged /usr. Where apt would take usrmerge, which converts a root that
is not merged yet, it is asked for usr-is-merged as well, as debootstrap does, unless the set names usrmerge.
"""

import argparse
import concurrent.futures
import hashlib
import itertools
import json
import lzma
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hard.txt")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SIZES = (1, 5, 30)
TIMEOUT = 300
REFUSED = None  # in place of a {name: version}
APT_REFUSES = 100
KILN_REFUSES = 9  # ERROR_PLAN

APT_CONF = """\
Dir "{root}";
Dir::State "{root}";
Dir::State::status "{root}/status";
Dir::Cache "{root}";
Dir::Etc "{root}";
Dir::Log "{root}";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
APT::Solver "internal";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Debug::NoLocking "true";
"""


class Broken(Exception):
    """What makes the comparison impossible, as opposed to a difference."""


def run(command, **environment):
    result = subprocess.run(
        command,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


def must(command, **environment):
    status, out, err = run(command, **environment)
    if status != 0:
        raise Broken(f"{command[0]}: exit status {status}\n{err.strip()[-1000:]}")
    return out


def host_mirror():
    out = must(["apt-get", "indextargets", "--format", "$(REPO_URI)"])
    for uri in sorted(set(out.split())):
        if uri.endswith("/debian/"):
            return uri
    raise Broken("the apt sources of this host name no Debian archive; --mirror URL gives one")


def get(url, path):
    """Fetch URL into PATH; false when there is no such thing."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(path, "wb") as file:
            while block := answer.read(1 << 20):
                file.write(block)
    except urllib.error.HTTPError as e:
        if e.code in (403, 404):
            return False
        raise
    return True


class Stanza:
    """What is of interest of a package's paragraph in an index."""

    def __init__(self, text):
        fields = dict(re.findall(r"^(Package|Version|Essential|Priority): (\S+)", text, re.M))
        self.name = fields.get("Package")
        self.version = fields.get("Version")
        self.essential = fields.get("Essential") == "yes"
        self.priority = fields.get("Priority")


class Archives:
    """The archives of one suite and architecture, copied to this disk."""

    def __init__(self, folder, mirror, suite, architecture):
        self.suite, self.architecture = suite, architecture
        self.sources = []  # (address, suite)
        self.stanzas = []  # of all
        self.files = []
        self.has = {}  # suite → names
        security = re.sub(r"debian/$", "debian-security/", mirror)
        for name in suite.split("+"):
            if not self.add(folder, mirror, "debian", name):
                raise Broken(f"the mirror has no suite '{name}' for {architecture}")
            if name != "sid":
                self.add(folder, mirror, "debian", name + "-updates")
                self.add(folder, security, "security", name + "-security")
                self.add(folder, mirror, "debian", name + "-backports")

    def add(self, folder, url, place, suite):
        if not self.copy(url, os.path.join(folder, place), suite):
            return False
        self.sources.append((f"file://{folder}/{place}", suite))
        return True

    def copy(self, url, folder, suite):
        index = f"main/binary-{self.architecture}/Packages.xz"
        dists = os.path.join(folder, "dists", suite)
        for name in ("InRelease", index):
            path = os.path.join(dists, name)
            if not os.path.exists(path) and not get(f"{url}dists/{suite}/{name}", path):
                return False
        self.files.append(os.path.join(dists, index))
        with lzma.open(os.path.join(dists, index), "rt", encoding="utf-8") as file:
            stanzas = [Stanza(text) for text in file.read().split("\n\n") if text.strip()]
        if not self.sources:
            self.main = stanzas
        self.stanzas += stanzas
        self.has[suite] = {stanza.name for stanza in stanzas}
        return True

    def digest(self):
        """Of everything that apt-get's answer depends on, besides the question."""
        sum_ = hashlib.sha256(must(["apt-get", "--version"]).encode())
        for file in self.files:
            with open(file, "rb") as index:
                sum_.update(index.read())
        return sum_.hexdigest()[:16]

    def names(self):
        return list(dict.fromkeys(s.name for s in self.stanzas))

    def base(self, variant):
        """What debootstrap installs for VARIANT."""
        priorities = ("required", "important") if variant == "-" else ("required",)
        names = [s.name for s in self.main if s.essential]
        names += [s.name for s in self.main if s.priority in priorities]
        names.append("apt")
        if variant == "buildd":
            names.append("build-essential")
        return list(dict.fromkeys(names))


class Server:
    """A process that answers many questions; see serve.h."""

    def __init__(self, command, **environment):
        self.command, self.environment = command, environment
        self.process = None

    def ask(self, line):
        if not self.process:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, "LC_ALL": "C.UTF-8", **self.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        if len(head) != 2:
            raise Broken(f"{self.command[0]}: exit status {self.process.wait()} in place of an answer")
        return int(head[0]), self.process.stdout.read(int(head[1])).decode()

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None


class Apt:
    """apt-get in an empty root."""

    def __init__(self, folder, archives, preload):
        self.archives, self.preload = archives, preload
        self.can_merge = "usr-is-merged" in archives.names()
        self.conf = os.path.join(folder, "conf")
        if os.path.exists(self.conf):
            return
        for name in ("lists/partial", "archives/partial", "apt.conf.d", "preferences.d"):
            os.makedirs(os.path.join(folder, name))
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(APT_CONF.format(root=folder, architecture=archives.architecture))
        with open(os.path.join(folder, "status"), "w", encoding="utf-8"):
            pass
        with open(os.path.join(folder, "sources.list"), "w", encoding="utf-8") as file:
            for url, suite in archives.sources:
                file.write(f"deb [signed-by={KEYRING}] {url} {suite} main\n")
        must(["apt-get", "-qq", "update"], APT_CONFIG=self.conf)

    def command(self, recommends):
        option = "--install-recommends" if recommends else "--no-install-recommends"
        return ["apt-get", "-qq", "-y", "--print-uris", option, "install"]

    def server(self, recommends):
        # env(1), because the library is for apt-get alone.
        command = ["env", "LD_PRELOAD=" + self.preload, *self.command(recommends), *["@" * 128] * 320]
        return Server(command, APT_CONFIG=self.conf)

    def install(self, server, recommends, names):
        if server:
            status, out = server.ask(" ".join(names))
        else:
            status, out, err = run([*self.command(recommends), *names], APT_CONFIG=self.conf)
            out += err
        if status == APT_REFUSES:
            return REFUSED, out.strip()
        if status != 0:
            raise Broken(f"apt-get: exit status {status}\n{out}")
        # 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE DIGEST
        found = re.findall(r"^'[^']*' ([^_ ]+)_([^_ ]+)_[^_ ]+\.deb ", out, re.M)
        return {name: urllib.parse.unquote(version) for name, version in found}, ""

    def plan(self, server, variant, recommends, names):
        wanted = self.archives.base(variant) + names
        result, said = self.install(server, recommends, wanted)
        if self.can_merge and result and "usrmerge" in result and "usrmerge" not in names:
            return self.install(server, recommends, wanted + ["usr-is-merged"])
        return result, said


class Kiln:
    """kiln plan with a recipe for each set."""

    def __init__(self, program, many, folder, archives):
        self.program, self.many, self.folder, self.archives = program, many, folder, archives
        self.keys = os.path.join(folder, "keys.asc")
        self.cache = os.path.join(folder, "cache")
        if os.path.exists(self.keys):
            return
        home = os.path.join(folder, "gnupg")
        os.makedirs(home, mode=0o700)
        keys = must(
            ["gpg", "--batch", "--quiet", "--no-autostart", "--homedir", home, "--no-default-keyring"]
            + ["--keyring", KEYRING, "--armor", "--export"]
        )
        with open(self.keys, "w", encoding="utf-8") as file:
            file.write(keys)

    def recipe(self, variant, recommends, names):
        url, suite = self.archives.sources[0]
        lines = [f"deb {url} {suite} main" for url, suite in self.archives.sources]
        packages = {
            "manager": "apt",
            "recommends": recommends,
            "repositories": [{"name": "sources.list", "url": "\n".join(lines)}],
        }
        if names:
            packages["sets"] = [{"action": "install", "packages": names}]
        recipe = {
            "image": {
                "distribution": "debian",
                "release": suite,
                "architecture": self.archives.architecture,
            },
            "source": {
                "downloader": "debootstrap",
                "url": url,
                "variant": variant,
                "check_valid_until": False,
                "keys": ["keys.asc"],
            },
            "packages": packages,
        }
        return json.dumps(recipe)  # which is YAML too

    def write(self, name, recipe):
        """At once: another thread's kiln may be reading the one of that name."""
        path = os.path.join(self.folder, name)
        new = f"{path}.{threading.get_ident()}"
        with open(new, "w", encoding="utf-8") as file:
            file.write(recipe)
        os.rename(new, path)
        return path

    def server(self):
        return Server([self.many, self.write("many.yaml", self.recipe("minbase", False, [])), self.cache])

    def alone(self, path):
        command = [self.program, "plan", path, "--json", "--quiet", "--mirror", "none", "--cache", self.cache]
        status, out, err = run(command)
        return status, out or err  # a plan comes with warnings

    def plan(self, server, variant, recommends, names):
        path = self.write(f"{threading.get_ident()}.yaml", self.recipe(variant, recommends, names))
        status, out = server.ask(path) if server else self.alone(path)
        os.unlink(path)
        if status == KILN_REFUSES:
            return REFUSED, out.strip()
        if status != 0:
            return {"kiln": f"exit status {status}"}, out.strip()
        return {package["name"]: package["version"] for package in json.loads(out)["packages"]}, ""


class Memory:
    """What apt-get said to sets of earlier runs, for who works on kiln; one file for each cell."""

    def __init__(self, folder, archives, cell):
        self.known, self.file = {}, None
        if not folder:
            return
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{cell.replace(' ', '_')}-{archives.digest()}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.known = {key: value for key, *value in map(json.loads, file)}
        self.file = open(path, "a", encoding="utf-8")

    def plan(self, names, ask):
        key = " ".join(names)
        if key not in self.known:
            self.known[key] = ask()
            if self.file:
                self.file.write(json.dumps([key, *self.known[key]]) + "\n")
        return self.known[key]

    def close(self):
        if self.file:
            self.file.close()


class Pair:
    """apt and kiln with the same archives, for one cell at a time."""

    def __init__(self, options, folder, archives):
        self.options, self.archives = options, archives
        built = os.path.dirname(os.path.realpath(options.built))
        self.apt = Apt(os.path.join(folder, "apt"), archives, os.path.join(built, "many_apt.so"))
        self.kiln = Kiln(options.kiln, os.path.join(built, "many_plans"), os.path.join(folder, "kiln"), archives)
        self.servers = []
        self.own = threading.local()

    def open(self, variant, recommends):
        self.variant, self.recommends = variant, recommends
        self.memory = Memory(self.options.keep, self.archives, cell_name(self.archives, variant, recommends))
        self.servers, self.own = [], threading.local()

    def close(self):
        self.memory.close()
        for server in self.servers:
            server.close()

    def server(self, name, make):
        """Each thread has its own; none when every set is to have processes of its own."""
        if self.options.alone:
            return None
        if not hasattr(self.own, name):
            setattr(self.own, name, make())
            self.servers.append(getattr(self.own, name))
        return getattr(self.own, name)

    def ask_apt(self, names):
        server = self.server("apt", lambda: self.apt.server(self.recommends))
        return self.apt.plan(server, self.variant, self.recommends, names)

    def ask_kiln(self, names):
        server = self.server("kiln", self.kiln.server)
        return self.kiln.plan(server, self.variant, self.recommends, names)

    def check_servers(self, names, theirs, ours):
        """That one process for many sets makes no difference."""
        if self.apt.plan(None, self.variant, self.recommends, names)[0] != theirs:
            raise Broken(f"apt-get alone chooses otherwise for: {' '.join(names)}")
        if self.kiln.plan(None, self.variant, self.recommends, names)[0] != ours:
            raise Broken(f"kiln plan alone chooses otherwise for: {' '.join(names)}")

    def compare(self, names, recheck=False):
        begin = time.monotonic()
        theirs, they_said = self.memory.plan(names, lambda: self.ask_apt(names))
        middle = time.monotonic()
        ours, we_said = self.ask_kiln(names)
        end = time.monotonic()
        if recheck:
            self.check_servers(names, theirs, ours)
        return {
            "names": names,
            "same": theirs == ours,
            "refused": theirs is REFUSED,
            "text": "" if theirs == ours else describe(theirs, they_said, ours, we_said),
            "apt": middle - begin,
            "kiln": end - middle,
        }

    def shrink(self, outcome):
        names = outcome["names"]
        for name in list(names):
            fewer = [n for n in names if n != name]
            attempt = self.compare(fewer)
            if not attempt["same"]:
                names, outcome = fewer, attempt
        return outcome


def describe(theirs, they_said, ours, we_said):
    if theirs is REFUSED or ours is REFUSED:
        who, said = ("apt", they_said) if theirs is REFUSED else ("kiln", we_said)
        return f"    {who} alone refuses: " + said[-800:].replace("\n", "\n        ")
    lines = [we_said] if "kiln" in ours else []
    rows = (
        ("only apt", [f"{n}={theirs[n]}" for n in sorted(theirs) if n not in ours]),
        ("only kiln", [f"{n}={ours[n]}" for n in sorted(ours) if n not in theirs]),
        ("versions", [f"{n}: {theirs[n]}, {ours[n]}" for n in sorted(ours) if theirs.get(n, ours[n]) != ours[n]]),
    )
    lines += [f"    {title}: {' '.join(words)}" for title, words in rows if words]
    return "\n".join(lines)


def with_versions(archives, text):
    """The names of a set; hard.txt says what "vim=*" and "vim/@" become."""
    versions = {stanza.name: stanza.version for stanza in archives.main}
    names = text.replace("@", archives.sources[0][1]).split()
    return [re.sub(r"^(.*)=\*$", lambda m: f"{m[1]}={versions.get(m[1], '0')}", n) for n in names]


def hard_sets(archives):
    """The sets of hard.txt that are for this suite."""
    sets = []
    with open(HARD, encoding="utf-8") as file:
        for line in file:
            suites, _, names = line.partition("#")[0].partition(":: ")
            wanted = {archives.suite, "**"} | ({"*"} if "+" not in archives.suite else set())
            if not names or not wanted & set(suites.split()):
                continue
            sets.append(with_versions(archives, names))
    return sets


def draw(archives, options, cell):
    names = archives.names()
    chance = random.Random(f"{options.seed} {cell}")
    sets = [chance.sample(names, SIZES[i % len(SIZES)]) for i in range(options.sets)]
    if "+" not in archives.suite:
        return sets
    return [[with_suite(archives, name, chance) for name in names] for names in sets]


def with_suite(archives, name, chance):
    """Where suites are mixed, every other package is asked for from one of those that have it."""
    suites = [suite for _, suite in archives.sources if name in archives.has[suite]]
    return f"{name}/{chance.choice(suites)}" if suites and chance.random() < 0.5 else name


class Sum:
    def __init__(self):
        self.sets = self.same = self.refused = 0
        self.apt = self.kiln = 0.0

    def add(self, outcome):
        self.sets += 1
        self.same += outcome["same"]
        self.refused += outcome["same"] and outcome["refused"]
        self.apt += outcome["apt"]
        self.kiln += outcome["kiln"]

    def share(self):
        return 100 * self.same / self.sets if self.sets else 100.0

    def say(self, what):
        print(
            f"{what}: {self.same} of {self.sets} sets identical ({self.refused} refused by both), "
            f"{self.share():.2f} %; apt {self.apt / max(self.sets, 1):.2f} s, "
            f"kiln {self.kiln / max(self.sets, 1):.2f} s a set",
            flush=True,
        )


def cell_name(archives, variant, recommends):
    return f"{archives.suite} {archives.architecture} {variant}{' recommends' if recommends else ''}"


def run_cell(pair, options, number, variant, recommends, pool, total):
    archives = pair.archives
    cell = cell_name(archives, variant, recommends)
    if options.set is not None:
        sets = [with_versions(archives, options.set)]
    else:
        hard = [] if options.no_hard else hard_sets(archives)[number % options.hard_every :: options.hard_every]
        sets = hard + draw(archives, options, cell)
    sets.insert(0, [])
    again = [options.recheck > 0 and i % options.recheck == 0 and not options.alone for i in range(len(sets))]
    sum_ = Sum()
    pair.open(variant, recommends)
    for outcome in pool.map(pair.compare, sets, again):
        sum_.add(outcome)
        total.add(outcome)
        if outcome["same"]:
            continue
        if options.shrink:
            outcome = pair.shrink(outcome)
        print(f"difference: {cell}: {' '.join(outcome['names'])}\n{outcome['text']}", flush=True)
    pair.close()
    sum_.say(cell)


def compare_all(options, folder):
    mirror = options.mirror or host_mirror()
    total = Sum()
    print(f"seed {options.seed}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for suite in options.suites:
            for architecture in options.architectures:
                place = os.path.join(folder, f"{suite}-{architecture}")
                pair = Pair(options, place, Archives(place, mirror, suite, architecture))
                cells = itertools.product(options.recommends, options.variants)
                for number, (recommends, variant) in enumerate(cells):
                    run_cell(pair, options, number, variant, recommends == "yes", pool, total)
                if not options.folder:
                    shutil.rmtree(place)
    total.say("all")
    return 0 if total.share() >= options.least else 1


def words(text):
    return text.split(",")


def parse_arguments():
    parser = argparse.ArgumentParser(description="compare kiln's choice of packages with apt's")
    parser.add_argument("--suites", type=words, default=["bullseye", "bookworm", "trixie", "sid"])
    parser.add_argument("--architectures", type=words, default=["amd64", "arm64"])
    parser.add_argument("--variants", type=words, default=["minbase", "-", "buildd"])
    parser.add_argument("--recommends", type=words, default=["no", "yes"])
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--no-hard", action="store_true")
    parser.add_argument("--hard-every", type=int, default=1)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(1 << 32)))
    parser.add_argument("--set")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--least", type=float, default=99.5)
    parser.add_argument("--mirror")
    parser.add_argument("--kiln", default=os.path.join(TOP, "out", "kiln"))
    parser.add_argument("--built")
    parser.add_argument("--folder")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--recheck", type=int, default=50)
    parser.add_argument("--keep")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.built = options.built or options.kiln
    return options


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse_arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="kiln-parity-") as folder:
            return compare_all(options, options.folder or folder)
    except (Broken, OSError, subprocess.TimeoutExpired) as e:
        print(f"parity: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
