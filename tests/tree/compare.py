#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two archives of a root, path by path: type, mode, owner, size, content, time, link target, hard links,
device, xattrs.

	compare.py DIFFERENCES OURS.tar THEIRS.tar

What DIFFERENCES lets pass is counted, all else printed. Exit status 1 when anything was printed.

A line of DIFFERENCES is PATTERN, KIND[,KIND...] and the reason. In PATTERN '*' stands for part of one name, '**' for
any path. KIND is a word that this program prints: ours and theirs (the path is only in one of the two), type, mode,
owner, target, device, hardlinks, xattrs, time (foldertime for a folder's), content; or `order`: the same lines, or
stanzas, in another order. For the kind `content` the reason may begin with /REGEX/: then only lines that match it may
differ.

The last lines say how much was compared of what dpkg and the system know of themselves. No line of DIFFERENCES may let
the content of these files pass.
"""
import collections
import difflib
import hashlib
import re
import sys
import tarfile

SHOWN_LINES = 12
SHOWN_BYTES = 1 << 20

# What is counted in them: lines that match, or the files themselves.
FACTS = (
	("packages", r"/var/lib/dpkg/status", rb"^Package: "),
	("conffiles", r"/var/lib/dpkg/status", rb"^ /\S+ [0-9a-f]{32}"),
	("info files", r"/var/lib/dpkg/info/.*", None),
	("alternatives", r"/var/lib/dpkg/alternatives/.*", None),
	("diversions", r"/var/lib/dpkg/diversions", rb"^(?:.*\n){3}"),
	("statoverrides", r"/var/lib/dpkg/statoverride", rb"^."),
	("triggers", r"/var/lib/dpkg/triggers/.*", rb"^."),
	("users", r"/etc/(passwd|shadow)", rb"^."),
	("groups", r"/etc/(group|gshadow)", rb"^."),
)


class Entry:
	"""One path, as it is on disk after unpacking: of a hard link what it leads to."""

	def __init__(self, archive, member, target):
		real = target or member
		self.archive = archive
		self.member = real
		self.kind = "file" if real.isreg() else "folder" if real.isdir() else "link" if real.issym() else \
			"fifo" if real.isfifo() else "char" if real.ischr() else "block" if real.isblk() else "other"
		self.mode = f"{real.mode & 0o7777:04o}" if self.kind != "link" else "-"
		self.owner = f"{real.uid}:{real.gid}"
		self.target = real.linkname if real.issym() else ""
		self.device = f"{real.devmajor}:{real.devminor}" if self.kind in ("char", "block") else ""
		self.time = real.mtime
		self.xattrs = {k[len("SCHILY.xattr."):]: v for k, v in real.pax_headers.items()
			if k.startswith("SCHILY.xattr.")}
		self.names = None # of the other hard links, filled in later
		self.size = real.size if real.isreg() else 0
		self.digest = ""
		self.known_text = None
		if real.isreg() and not target:
			with archive.extractfile(real) as data:
				self.digest = hashlib.file_digest(data, "sha256").hexdigest()

	def data(self):
		with self.archive.extractfile(self.member) as data:
			return data.read()

	@property
	def text(self):
		"""None when it is none, or too long to look at."""
		if self.known_text is None and self.kind == "file" and self.size <= SHOWN_BYTES:
			data = self.data()
			if b"\0" not in data:
				self.known_text = data.decode("utf-8", "surrogateescape")
		return self.known_text


def path_of(name):
	"""Both kinds of archives begin their names with a folder of their own: "." or "rootfs"."""
	first, _, rest = name.partition("/")
	if first in (".", "rootfs"):
		return "/" + rest.rstrip("/")
	return "/" + name.strip("/")


def read(archive):
	entries, groups = {}, {}
	for member in archive:
		path = path_of(member.name)
		target = None
		if member.islnk():
			first = path_of(member.linkname)
			target = entries[first].member
			groups.setdefault(first, {first}).add(path)
		entries[path] = Entry(archive, member, target)
		if target:
			entries[path].digest = entries[first].digest
	for group in groups.values():
		for path in group:
			entries[path].names = " ".join(sorted(group))
	return entries


def differing(ours, theirs):
	"""Pairs of the kind of a difference and words about it."""
	if ours is None:
		return [("theirs", f"{theirs.kind} {theirs.mode} {theirs.owner} {theirs.size} bytes {theirs.target}")]
	if theirs is None:
		return [("ours", f"{ours.kind} {ours.mode} {ours.owner} {ours.size} bytes {ours.target}")]
	if ours.kind != theirs.kind:
		return [("type", f"{ours.kind} {ours.target}, theirs: {theirs.kind} {theirs.target}")]
	found = [(kind, f"{a or 'none'}, theirs: {b or 'none'}") for kind, a, b in (
		("mode", ours.mode, theirs.mode),
		("owner", ours.owner, theirs.owner),
		("target", ours.target, theirs.target),
		("device", ours.device, theirs.device),
		("hardlinks", ours.names, theirs.names),
		("foldertime" if ours.kind == "folder" else "time", ours.time, theirs.time),
		("xattrs", ours.xattrs, theirs.xattrs)) if a != b]
	if ours.digest != theirs.digest:
		if ours.text is not None and theirs.text is not None and \
				sorted(parts(ours.text)) == sorted(parts(theirs.text)):
			found.append(("order", "the same in another order" + diff(ours, theirs)))
		else:
			found.append(("content", f"{ours.size} bytes, theirs: {theirs.size}" + diff(ours, theirs)))
	return found


def parts(text):
	"""Stanzas where there are some, else lines."""
	return text.strip("\n").split("\n\n") if "\n\n" in text else text.splitlines()


def changed_lines(ours, theirs):
	return [line for line in difflib.unified_diff(theirs.text.splitlines(), ours.text.splitlines(), n=0,
		lineterm="") if not line.startswith(("---", "+++", "@@"))]


def diff(ours, theirs):
	"""'+' is ours, '-' theirs."""
	if ours.text is None or theirs.text is None:
		return ""
	lines = changed_lines(ours, theirs)
	if len(lines) > SHOWN_LINES:
		lines[SHOWN_LINES:] = [f"and {len(lines) - SHOWN_LINES} lines more"]
	return "".join("\n\t" + line for line in lines)


class Rule:
	def __init__(self, line):
		pattern, kinds, self.reason = line.split(None, 2)
		# '**/' is any number of folders, none included.
		parts = re.split(r"(\*\*|\*)", pattern)
		self.path = re.compile("".join({"**": ".*", "*": "[^/]*"}.get(p, re.escape(p)) for p in parts))
		self.kinds = kinds.split(",")
		self.lines = None
		match = re.match(r"/(.+?)/ ", self.reason)
		if match:
			self.lines = re.compile(match[1])

	def allows(self, path, kind, ours, theirs):
		if kind not in self.kinds or not self.path.fullmatch(path):
			return False
		if kind == "content" and is_fact(path):
			return False
		if kind != "content" or not self.lines:
			return True
		if ours.text is None or theirs.text is None:
			return False
		return all(self.lines.search(line[1:]) for line in changed_lines(ours, theirs))


def is_fact(path):
	return any(re.fullmatch(pattern, path) for _, pattern, _ in FACTS)


def count_facts(entries):
	counts = collections.Counter()
	for path, entry in entries.items():
		for name, pattern, line in FACTS:
			if entry.kind == "file" and re.fullmatch(pattern, path):
				counts[name] += len(re.findall(line, entry.data(), re.M)) if line else 1
	return ", ".join(f"{counts[name]} {name}" for name, _, _ in FACTS)


def compare(rules, ours, theirs):
	"""How many differences were allowed, and printed."""
	printed = passed = 0
	for path in sorted(ours.keys() | theirs.keys()):
		a, b = ours.get(path), theirs.get(path)
		for kind, words in differing(a, b):
			if any(rule.allows(path, kind, a, b) for rule in rules):
				passed += 1
				continue
			printed += 1
			print(f"{path}: {kind}: {words}")
	return passed, printed


def main():
	sys.stdout.reconfigure(errors="surrogateescape")
	with open(sys.argv[1], encoding="utf-8") as f:
		rules = [Rule(line.strip()) for line in f if line.strip() and not line.startswith("#")]
	with tarfile.open(sys.argv[2]) as our_archive, tarfile.open(sys.argv[3]) as their_archive:
		ours, theirs = read(our_archive), read(their_archive)
		passed, printed = compare(rules, ours, theirs)
		print(f"of them {count_facts(ours)}")
	print(f"{len(ours.keys() | theirs.keys())} paths, {passed} differences allowed, {printed} not")
	return 1 if printed else 0


sys.exit(main())
