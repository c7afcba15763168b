#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two archives of a root, path by path: type, mode, owner, size, content, link target, device, xattrs.

	compare.py DIFFERENCES OURS.tar THEIRS.tar

What DIFFERENCES lets pass is counted, all else printed. Exit status 1 when anything was printed.

A line of DIFFERENCES is PATTERN, KIND[,KIND...] and the reason. In PATTERN '*' stands for part of one name, '**' for
any path. KIND is a word that this program prints (ours, theirs: the path is only in one of the two), or `order`:
the same lines, or stanzas, in another order. For the kind `content` the reason may begin with /REGEX/: then only lines that
match it may differ.
"""
import difflib
import hashlib
import re
import sys
import tarfile

SHOWN_LINES = 12
SHOWN_BYTES = 1 << 20


class Entry:
	"""One path, as it is on disk after unpacking: of a hard link what it leads to."""

	def __init__(self, archive, member, target):
		real = target or member
		self.kind = "file" if real.isreg() else "folder" if real.isdir() else "link" if real.issym() else \
			"fifo" if real.isfifo() else "char" if real.ischr() else "block" if real.isblk() else "other"
		self.mode = f"{real.mode & 0o7777:04o}" if self.kind != "link" else "-"
		self.owner = f"{real.uid}:{real.gid}"
		self.target = real.linkname if real.issym() else ""
		self.device = f"{real.devmajor}:{real.devminor}" if self.kind in ("char", "block") else ""
		self.xattrs = {k[len("SCHILY.xattr."):]: v for k, v in real.pax_headers.items()
			if k.startswith("SCHILY.xattr.")}
		self.names = None # of the other hard links, filled in later
		self.text = None
		self.size = real.size if real.isreg() else 0
		self.digest = ""
		if real.isreg():
			data = archive.extractfile(real).read()
			self.digest = hashlib.sha256(data).hexdigest()
			if len(data) <= SHOWN_BYTES and b"\0" not in data:
				self.text = data.decode("utf-8", "surrogateescape")


def path_of(name):
	"""Both kinds of archives begin their names with a folder of their own: "." or "rootfs"."""
	first, _, rest = name.partition("/")
	if first in (".", "rootfs"):
		return "/" + rest.rstrip("/")
	return "/" + name.strip("/")


def read(name):
	entries, groups = {}, {}
	with tarfile.open(name) as archive:
		by_path = {}
		for member in archive:
			path = path_of(member.name)
			target = None
			if member.islnk():
				target = by_path[path_of(member.linkname)]
				groups.setdefault(path_of(member.linkname), {path_of(member.linkname)}).add(path)
			by_path[path] = target or member
			entries[path] = Entry(archive, member, target)
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
		if kind != "content" or not self.lines:
			return True
		if ours.text is None or theirs.text is None:
			return False
		return all(self.lines.search(line[1:]) for line in changed_lines(ours, theirs))


def main():
	with open(sys.argv[1], encoding="utf-8") as f:
		rules = [Rule(line.strip()) for line in f if line.strip() and not line.startswith("#")]
	ours, theirs = read(sys.argv[2]), read(sys.argv[3])
	printed = passed = 0
	for path in sorted(ours.keys() | theirs.keys()):
		a, b = ours.get(path), theirs.get(path)
		for kind, words in differing(a, b):
			if any(rule.allows(path, kind, a, b) for rule in rules):
				passed += 1
				continue
			printed += 1
			print(f"{path}: {kind}: {words}", file=sys.stdout)
	sys.stdout.reconfigure(errors="surrogateescape")
	print(f"{len(ours.keys() | theirs.keys())} paths, {passed} differences allowed, {printed} not")
	return 1 if printed else 0


sys.exit(main())
