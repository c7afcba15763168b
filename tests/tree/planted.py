#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether compare.py sees what it is there for: two equal archives, and one with each difference that it knows, by
itself; what a list of differences lets pass, and what it may not. Prints a line per case, as tests/lib.sh says."""
import io
import os
import subprocess
import sys
import tarfile
import tempfile

COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare.py")
LISTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "differences.txt")


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, **more):
	info = tarfile.TarInfo("./" + name)
	info.type, info.size, info.mode, info.mtime = kind, len(data), mode, 1000
	for key, value in more.items():
		setattr(info, key, value)
	return info, data


def root():
	"""Path → (entry, content), in the order of the archive."""
	found = [
		entry("", tarfile.DIRTYPE, mode=0o755),
		entry("etc", tarfile.DIRTYPE, mode=0o755),
		entry("etc/passwd", data=b"root:x:0:0::/:/bin/sh\n_a:x:101:101::/:/bin/sh\n_b:x:102:102::/:/bin/sh\n"),
		entry("etc/file", data=b"one\ntwo\n", mode=0o640, uid=7, gid=8,
			pax_headers={"SCHILY.xattr.security.capability": "x"}),
		entry("etc/binary", data=b"\0one"),
		entry("etc/hard1", data=b"h"),
		entry("etc/hard2", tarfile.LNKTYPE, linkname="./etc/hard1"),
		entry("etc/hard3", data=b"h"),
		entry("etc/link", tarfile.SYMTYPE, linkname="file"),
		entry("etc/device", tarfile.CHRTYPE, devmajor=1, devminor=3),
		entry("var/lib/dpkg/status", data=b"Package: a\nStatus: install ok installed\n\n"
			b"Package: b\nStatus: install ok installed\n"),
		entry("var/lib/dpkg/diversions", data=b"/a\n/b\n:\n"),
		entry("var/lib/dpkg/statoverride", data=b"root root 755 /a\n"),
		entry("var/lib/dpkg/alternatives/vi", data=b"auto\n"),
		entry("var/lib/dpkg/triggers/File", data=b"/a a\n/b b\n"),
		entry("var/log/log", data=b"said\n"),
	]
	return {info.name[2:]: [info, data] for info, data in found}


def archive(folder, name, entries):
	path = os.path.join(folder, name)
	with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
		for info, data in entries.values():
			info.size = len(data) if info.isreg() else 0
			tar.addfile(info, io.BytesIO(data))
	return path


def compare(rules, change):
	with tempfile.TemporaryDirectory(prefix="kiln-planted.") as folder:
		ours = root()
		change(ours)
		lists = os.path.join(folder, "list")
		with open(lists, "w", encoding="utf-8") as f:
			f.write(rules)
		done = subprocess.run([COMPARE, lists, archive(folder, "ours", ours), archive(folder, "theirs", root())],
			capture_output=True, text=True, check=False)
	return done.returncode, done.stdout + done.stderr


FAILED = []


def case(name, change, expected, rules=""):
	"""EXPECTED: "PATH: KIND" of the one difference that is printed, or None for none."""
	status, said = compare(rules, change)
	printed = [line for line in said.splitlines() if line.startswith("/")]
	wanted = [] if expected is None else [expected]
	good = status == (expected is not None) and len(printed) == len(wanted) and \
		all(line.startswith(want + ":") for line, want in zip(printed, wanted))
	print(("ok - " if good else "not ok - ") + name)
	if not good:
		FAILED.append(name)
		print("# expected:", expected, "\n# " + said.replace("\n", "\n# "))


def put(path, **values):
	"""What sets attributes of an entry, or with data= its content."""
	def change(entries):
		for key, value in values.items():
			if key == "data":
				entries[path][1] = value
			else:
				setattr(entries[path][0], key, value)
	return change


def add(path, *arguments, **more):
	return lambda entries: entries.update({path: list(entry(path, *arguments, **more))})


def split_hard(entries):
	"""The same three files with other names linked to each other."""
	entries["etc/hard2"] = list(entry("etc/hard2", data=b"h"))
	entries["etc/hard3"] = list(entry("etc/hard3", tarfile.LNKTYPE, linkname="./etc/hard2"))


def hard_kind(entries):
	entries["etc/hard2"] = list(entry("etc/hard2", data=b"h"))


case("two equal roots", lambda entries: None, None)
case("a file that is only ours", add("etc/new"), "/etc/new: ours")
case("a file that is only theirs", lambda entries: entries.pop("etc/file"), "/etc/file: theirs")
case("a mode", put("etc/file", mode=0o600), "/etc/file: mode")
case("a set-user bit", put("etc/file", mode=0o4640), "/etc/file: mode")
case("a folder's mode", put("etc", mode=0o700), "/etc: mode")
case("an owner", put("etc/file", uid=6), "/etc/file: owner")
case("a group", put("etc/file", gid=6), "/etc/file: owner")
case("a type", add("etc/link", tarfile.DIRTYPE, mode=0o755), "/etc/link: type")
case("a size", put("etc/file", data=b"one\ntwo\nthree\n"), "/etc/file: content")
case("content of the same size", put("etc/binary", data=b"\0two"), "/etc/binary: content")
case("an order", put("etc/file", data=b"two\none\n"), "/etc/file: order")
case("a line twice", put("etc/file", data=b"one\none\n"), "/etc/file: content")
case("a link's target", put("etc/link", linkname="files"), "/etc/link: target")
case("a device's number", put("etc/device", devminor=4), "/etc/device: device")
case("an attribute gone", put("etc/file", pax_headers={}), "/etc/file: xattrs")
case("an attribute's value", put("etc/file", pax_headers={"SCHILY.xattr.security.capability": "y"}), "/etc/file: xattrs")
case("a time", put("etc/file", mtime=1001), "/etc/file: time")
case("a link's time", put("etc/link", mtime=1001), "/etc/link: time")
case("a folder's time", put("etc", mtime=1001), "/etc: foldertime")
for path, text in (("etc/passwd", b"root:x:0:0::/:/bin/sh\n_a:x:102:102::/:/bin/sh\n_b:x:101:101::/:/bin/sh\n"),
		("var/lib/dpkg/status", b"Package: a\nStatus: install ok unpacked\n"),
		("var/lib/dpkg/diversions", b"/a\n/c\n:\n"), ("var/lib/dpkg/statoverride", b"root root 4755 /a\n"),
		("var/lib/dpkg/alternatives/vi", b"manual\n"), ("var/lib/dpkg/triggers/File", b"/a a\n")):
	case(f"another {os.path.basename(path)}, whatever is allowed", put(path, data=text), f"/{path}: content",
		"/** content anything goes\n")
case("names of one file", hard_kind, "/etc/hard1: hardlinks", "/etc/hard2 hardlinks the other end\n")
case("other names of one file", split_hard, "/etc/hard1: hardlinks", "/etc/hard2 hardlinks x\n/etc/hard3 hardlinks x\n")
case("what is listed passes", put("var/log/log", data=b"other\n"), None, "# comment\n\n/var/log/** content a log\n")
case("another kind than the one listed does not", put("var/log/log", mode=0o600), "/var/log/log: mode",
	"/var/log/** content a log\n")
case("another path than the one listed does not", put("etc/file", data=b"x"), "/etc/file: content", "/etc/fil content x\n")
case("one star is one name", put("var/log/log", data=b"x"), "/var/log/log: content", "/var/* content x\n")
case("a line that is listed passes", put("etc/file", data=b"one\n2\n"), None, "/etc/file content /^(two|2)$/ counted\n")
case("another line does not", put("etc/file", data=b"1\n2\n"), "/etc/file: content", "/etc/file content /^(two|2)$/ x\n")
# The list itself.
with open(LISTED, encoding="utf-8") as listed:
	case("the list of differences lets none of this pass", put("etc/file", uid=6), "/etc/file: owner", listed.read())
with open(LISTED, encoding="utf-8") as listed:
	for number, line in enumerate(listed, 1):
		if line.strip() and not line.startswith("#") and len(line.split(None, 2)) < 3:
			FAILED.append(line)
			print(f"not ok - line {number} of the list has a reason")
sys.exit(1 if FAILED else 0)
