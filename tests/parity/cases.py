#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ask apt-get for what the cases of tests/plan expect of kiln.

    tests/parity/cases.py [FILE...]     default: all of tests/plan

Each case becomes a small archive, and its installations, which kiln makes in one go, one apt-get in an empty
root. What apt cannot be asked is
passed over: removals, further steps, other variants, and errors about what kiln does not support.
"""

import collections
import glob
import hashlib
import os
import re
import sys
import tempfile

import compare

OWN = ("by this version", "variant '")  # in errors that are kiln's, not apt's
NOT_ASKED = {"remove", "early", "split", "variant"}


class Case:
    def __init__(self, text):
        self.title, _, body = text.partition("\n")
        self.archives = collections.OrderedDict()  # name → stanzas, lists of lines
        self.flags = collections.defaultdict(list)
        self.names, self.expected, self.versions = [], set(), {}
        self.refused = self.recommends = self.passed_over = False
        self.stanza = None
        for line in body.split("\n"):
            self.read(line)
        self.archives.setdefault(next(iter(self.archives), "stable"), []).append(["Package: base", "Essential: yes"])

    def read(self, line):
        if re.match(r"[A-Z]", line) or (self.stanza is not None and line.startswith(" ")):
            if self.stanza is None:
                self.stanza = []
                self.archives.setdefault(next(reversed(self.archives), "stable"), []).append(self.stanza)
            self.stanza.append(line)
            return
        self.stanza = None
        word, *rest = line.split() or [""]
        if word == "archive":
            self.archives[rest[0]] = []
            self.flags[rest[0]] = rest[1:]
        elif word == "install":
            self.names += rest
        elif word == "expect":
            self.passed_over |= rest[0] == "sets"
            self.expected.update(rest[1:])
        elif word == "version":
            self.versions[rest[0]] = rest[1]
        elif word == "error":
            self.refused = True
            self.passed_over |= any(own in line for own in OWN)
        elif word == "recommends":
            self.recommends = True
        self.passed_over |= word in NOT_ASKED

    def base(self):
        """Essential, required, and apt, of the first archive."""
        for stanza in next(iter(self.archives.values())):
            name = stanza[0].partition(": ")[2]
            if name == "apt" or "Essential: yes" in stanza or "Priority: required" in stanza:
                yield name


def filled(stanza, number):
    fields = {line.partition(":")[0] for line in stanza}
    defaults = {
        "Version": "1",
        "Architecture": "all",
        "Filename": f"pool/{number}.deb",
        "Size": 100 + number,
        "SHA256": hashlib.sha256(str(number).encode()).hexdigest(),
    }
    return "\n".join(stanza + [f"{name}: {value}" for name, value in defaults.items() if name not in fields])


def write_archive(case, folder, name, first):
    dists = os.path.join(folder, "repo", "dists", name)
    index = "main/binary-amd64/Packages"
    text = "".join(filled(stanza, first + i) + "\n\n" for i, stanza in enumerate(case.archives[name])).encode()
    release = [f"Suite: {name}", f"Codename: {name}", "Date: Sat, 01 Jan 2022 00:00:00 UTC"]
    release += ["NotAutomatic: yes"] * ("not-automatic" in case.flags[name])
    release += ["ButAutomaticUpgrades: yes"] * ("but-automatic-upgrades" in case.flags[name])
    release += ["SHA256:", f" {hashlib.sha256(text).hexdigest()} {len(text)} {index}", ""]
    os.makedirs(os.path.join(dists, os.path.dirname(index)))
    with open(os.path.join(dists, index), "wb") as file:
        file.write(text)
    with open(os.path.join(dists, "Release"), "w", encoding="utf-8") as file:
        file.write("\n".join(release))
    return f"deb [trusted=yes] copy:{folder}/repo {name} main\n"


def install(case, conf, names):
    """Name → version, or None when apt-get refuses."""
    option = "--install-recommends" if case.recommends else "--no-install-recommends"
    command = ["apt-get", "-qq", "-y", "--print-uris", option, "install", *case.base(), *names]
    status, out, err = compare.run(command, APT_CONFIG=conf)
    if status not in (0, compare.APT_REFUSES):
        raise compare.Broken(f"apt-get: exit status {status}\n{err}")
    return dict(re.findall(r"^'[^']*' ([^_ ]+)_([^_ ]+)_", out, re.M)) if status == 0 else None


def ask(case, folder):
    conf = os.path.join(folder, "conf")
    for name in ("lists/partial", "archives/partial", "apt.conf.d", "preferences.d"):
        os.makedirs(os.path.join(folder, name))
    with open(conf, "w", encoding="utf-8") as file:
        file.write(compare.APT_CONF.format(root=folder, architecture="amd64"))
    with open(os.path.join(folder, "status"), "w", encoding="utf-8"):
        pass
    with open(os.path.join(folder, "sources.list"), "w", encoding="utf-8") as file:
        for i, name in enumerate(case.archives):
            file.write(write_archive(case, folder, name, 1000 * i))
    if compare.run(["apt-get", "-qq", "update"], APT_CONFIG=conf)[0] != 0:
        return None
    got = install(case, conf, case.names)
    if got and "usrmerge" in got and "usrmerge" not in case.names:  # as in compare.py
        got = install(case, conf, case.names + ["usr-is-merged"])
    return got


def agrees(case, got):
    if got is None or case.refused:
        return got is None and case.refused
    return set(got) == case.expected | {"base"} and all(got[name] == v for name, v in case.versions.items())


def main():
    files = sys.argv[1:] or sorted(glob.glob(os.path.join(compare.TOP, "tests", "plan", "*.test")))
    asked = same = 0
    for path in files:
        with open(path, encoding="utf-8") as file:
            cases = [Case(text) for text in re.split(r"^== ", file.read(), flags=re.M)[1:]]
        for case in cases:
            if case.passed_over:
                continue
            with tempfile.TemporaryDirectory(prefix="kiln-cases-") as folder:
                got = ask(case, folder)
            asked += 1
            same += agrees(case, got)
            if not agrees(case, got):
                print(f"difference: {os.path.basename(path)}: {case.title}\n    apt-get: {got or 'refuses'}")
    print(f"{same} of {asked} cases as apt-get has them")
    return 0 if asked and same == asked else 1


if __name__ == "__main__":
    sys.exit(main())
