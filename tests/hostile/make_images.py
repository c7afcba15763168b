#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Images that nobody should get far with, a folder full: the same bytes on every run with the same compressors.

    make_images.py [--good-only] FOLDER

Writes FOLDER/good-* (small images that are right, of every kind and codec), everything else (one file each, but for
pairs that share a stem), and FOLDER/index.tsv: name, files (one or two, with a comma), what `kiln verify` must say of it
(good, bad, or any: a changed bit that no format can notice), and what is wrong. Sources of the formats: tar(5), pax in
POSIX.1-2017, RFC 1952, RFC 8878, the .xz format, squashfs' kernel documentation.
"""
import bz2
import gzip
import io
import lzma
import os
import random
import struct
import subprocess
import sys
import tarfile
import tempfile

DATE = 1700000000
METADATA = """architecture: x86_64
creation_date: 1700000000
expiry_date: 1800000000
properties: {architecture: amd64, description: tiny, name: tiny, os: tiny, release: one, serial: "1", variant: default}
templates:
  /etc/hostname:
    when: [create, copy]
    create_only: false
    template: hostname.tpl
    properties: {}
"""
STATUS = """Package: one
Status: install ok installed
Installed-Size: 12
Architecture: amd64
Version: 1.0
Description: test

Package: two
Status: install ok installed
Installed-Size: 3
Architecture: all
Version: 2.0
Description: test
"""
OS_RELEASE = 'PRETTY_NAME="Tiny 1"\nID=tiny\nVERSION_ID="1"\n'


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=None, link="", pax=None, size=None, device=(0, 0), uid=0):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = mode if mode is not None else 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.mtime = DATE
    info.uid = uid
    info.linkname = link
    info.pax_headers = pax or {}
    info.size = len(data) if size is None else size
    info.devmajor, info.devminor = device
    return info, data


def folder(name):
    return entry(name, tarfile.DIRTYPE)


def symlink(name, target):
    return entry(name, tarfile.SYMTYPE, link=target, mode=0o777)


def hard_link(name, target):
    return entry(name, tarfile.LNKTYPE, link=target)


def tar(entries, end=b"\0" * 1024):
    out = io.BytesIO()
    for item in entries:
        if isinstance(item, bytes):
            out.write(item)
            continue
        info, data = item
        out.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        out.write(data)
        out.write(b"\0" * (-len(data) % 512))
    return out.getvalue() + end


def block(name, kind=b"0", size=b"00000000000\0", link=b"", magic=b"ustar\x0000", mode=b"0000644\0", checksum=None):
    """A header as it is wanted, right or wrong."""
    head = bytearray(512)
    for at, value in ((0, name), (100, mode), (108, b"0000000\0"), (116, b"0000000\0"), (124, size),
                      (136, b"14524554400\0"), (156, kind), (157, link), (257, magic)):
        head[at:at + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = checksum or b"%06o\0 " % sum(head)
    return bytes(head)


def pax_block(records, size=None, kind=b"x"):
    """An extended header; RECORDS are bytes as they are."""
    return block(b"pax", kind, b"%011o\0" % (len(records) if size is None else size)) + records + \
        b"\0" * (-len(records) % 512)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    length = len(body) + len(str(length))
    return str(length).encode() + body


def metadata(text=METADATA, name="metadata.yaml"):
    return entry(name, data=text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)


TEMPLATES = [folder("templates/"), entry("templates/hostname.tpl", data=b"{{ container.name }}\n")]


def tree(prefix):
    """The smallest system: what the commands look for is there."""
    return [
        folder(prefix), folder(prefix + "bin/"), entry(prefix + "bin/sh", data=noise(3000), mode=0o755),
        hard_link(prefix + "bin/dash", prefix + "bin/sh"),
        folder(prefix + "etc/"), entry(prefix + "etc/os-release", data=OS_RELEASE.encode()),
        entry(prefix + "etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n"),
        symlink(prefix + "etc/link", "os-release"),
        entry(prefix + "etc/capable", data=b"x", mode=0o755,
              pax={"SCHILY.xattr.user.demo": "value"}),
        folder(prefix + "sbin/"), symlink(prefix + "sbin/init", "../bin/sh"),
        folder(prefix + "var/"), folder(prefix + "var/lib/"), folder(prefix + "var/lib/dpkg/"),
        entry(prefix + "var/lib/dpkg/status", data=STATUS.encode()),
        folder(prefix + "var/lib/dpkg/info/"),
        entry(prefix + "var/lib/dpkg/info/one.list", data=b"/.\n/bin\n/bin/sh\n"),
    ]


def unified(extra=(), meta=None, templates=None, root=None, end=b"\0" * 1024):
    return tar([metadata() if meta is None else meta] + (TEMPLATES if templates is None else templates) +
               (tree("rootfs/") if root is None else root) + list(extra), end)


def program(*argv, data=b""):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


CODECS = {
    "none": ("", lambda data: data),
    "gzip": (".gz", lambda data: gzip.compress(data, 6, mtime=0)),
    "bzip2": (".bz2", bz2.compress),
    "xz": (".xz", lambda data: lzma.compress(data, check=lzma.CHECK_CRC64)),
    "lzma": (".lzma", lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
    "zstd": (".zst", lambda data: program("zstd", "-q", "-3", "--check", "-c", data=data)),
}


def squashfs(codec):
    """The tree, by mksquashfs: what LXD and Incus themselves read such images with comes from the same sources."""
    with tempfile.TemporaryDirectory() as scratch:
        top = os.path.join(scratch, "tree")
        for info, data in tree(top + "/"):
            if info.isdir():
                os.makedirs(info.name, exist_ok=True)
            elif info.issym():
                os.symlink(info.linkname, info.name)
            elif info.islnk():
                os.link(info.linkname, info.name)
            else:
                with open(info.name, "wb") as file:
                    file.write(data)
                os.chmod(info.name, info.mode)
        program("mksquashfs", top, scratch + "/image", "-comp", codec, "-all-root", "-mkfs-time", str(DATE),
                "-all-time", str(DATE), "-processors", "1", "-no-progress", "-quiet", "-no-xattrs")
        with open(scratch + "/image", "rb") as file:
            return file.read()


class Corpus:
    def __init__(self, where):
        self.where = where
        self.rows = []
        self.stems = set()

    def add(self, stem, verdict, reason, *files):
        """FILES: (suffix, bytes), one for a unified image, two for a pair."""
        assert stem not in self.stems, stem
        self.stems.add(stem)
        names = []
        for suffix, data in files:
            names.append(stem + suffix)
            with open(os.path.join(self.where, names[-1]), "wb") as file:
                file.write(data)
        self.rows.append((stem, ",".join(names), verdict, reason))

    def write_index(self):
        with open(os.path.join(self.where, "index.tsv"), "w", encoding="utf-8") as file:
            for row in self.rows:
                file.write("\t".join(row) + "\n")


def mutations(data, flips, rng):
    """(name, verdict, what, bytes) of damaged copies of a file."""
    size = len(data)
    for part, end in (("nothing", 0), ("head", 20), ("quarter", size // 4), ("half", size // 2),
                      ("three-quarters", size * 3 // 4), ("one-less", size - 1)):
        yield "cut-" + part, "bad", "truncated to %d of %d bytes" % (end, size), data[:end]
    yield "twice", "bad", "two copies, one behind the other", data + data
    yield "tail", "bad", "bytes behind the end", data + noise(700, 7)
    for number in range(flips):
        at = rng.randrange(size)
        bit = rng.randrange(8)
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        yield "flip-%02d" % number, "any", "bit %d of byte %d flipped" % (bit, at), bytes(changed)


def good(corpus):
    """Every kind: name, whether its end is its end to the byte, and its files."""
    image = unified()
    meta = CODECS["xz"][1](tar([metadata()] + TEMPLATES))
    kinds = [("unified-" + name, [(".tar" + suffix, encode(image))]) for name, (suffix, encode) in CODECS.items()]
    kinds += [("split-zstd", [(".meta.tar.xz", meta), (".rootfs.tar.zst", CODECS["zstd"][1](tar(tree("./"))))])]
    kinds += [("squashfs-" + codec, [(".meta.tar.xz", meta), (".rootfs.squashfs", squashfs(codec))])
              for codec in ("xz", "zstd", "gzip")]
    for name, files in kinds:
        corpus.add("good-" + name, "good", "nothing", *files)
    return kinds


def damaged(corpus):
    rng = random.Random(5)
    for name, files in good(corpus):
        suffix, data = files[-1]
        for kind, verdict, what, changed in mutations(data, 12 if "squashfs" in name else 8, rng):
            # It ends where its superblock says and is padded to 4 KiB; what follows is not looked at by the kernel.
            if "squashfs" in name and kind in ("cut-one-less", "cut-three-quarters"):
                verdict = "any"
            corpus.add(name + "-" + kind, verdict, what, *files[:-1], (suffix, changed))
        if name == "split-zstd":
            for kind, verdict, what, changed in mutations(files[0][1], 4, rng):
                corpus.add("split-meta-" + kind, verdict, what, (files[0][0], changed), files[1])
        if name == "squashfs-xz":
            superblocks(corpus, files[0][1], data)


def superblocks(corpus, meta, data):
    """Every field of the superblock with what it should never say."""
    fields = {
        "magic": (0, 4), "inodes": (4, 4), "block-size": (12, 4), "fragments": (16, 4), "compressor": (20, 2),
        "block-log": (22, 2), "flags": (24, 2), "ids": (26, 2), "version": (28, 4), "root": (32, 8), "used": (40, 8),
        "id-table": (48, 8), "xattr-table": (56, 8), "inode-table": (64, 8), "directory-table": (72, 8),
        "fragment-table": (80, 8), "export-table": (88, 8),
    }
    for name, (at, size) in fields.items():
        for kind, value in (("zero", 0), ("huge", 2 ** (8 * size) - 2), ("self", at)):
            changed = bytearray(data)
            changed[at:at + size] = value.to_bytes(size, "little")
            corpus.add("superblock-%s-%s" % (name, kind), "any", "%s is %d" % (name, value), (".meta.tar.xz", meta),
                       (".rootfs.squashfs", bytes(changed)))


def paths(corpus):
    """Entries of the root that lead elsewhere, or nowhere."""
    plain = b"escaped\n"
    for name, verdict, entries in (
            ("dotdot", "bad", [entry("rootfs/../../kiln-escaped", data=plain)]),
            ("dotdot-top", "bad", [entry("../kiln-escaped", data=plain)]),
            ("dotdot-deep", "bad", [entry("rootfs/etc/" + "../" * 30 + "tmp/kiln-escaped", data=plain)]),
            ("dotdot-end", "bad", [folder("rootfs/etc/../")]),
            ("absolute", "bad", [entry("/tmp/kiln-escaped", data=plain)]),
            ("absolute-rootfs", "bad", [entry("/rootfs/kiln-escaped", data=plain)]),
            ("double-slash", "any", [entry("rootfs//etc//x", data=plain)]),
            ("dot", "any", [entry("rootfs/./etc/./x", data=plain)]),
            ("through-link", "bad", [symlink("rootfs/out", "/tmp"), entry("rootfs/out/kiln-escaped", data=plain)]),
            ("through-link-up", "bad",
             [symlink("rootfs/out", "../../.."), entry("rootfs/out/kiln-escaped", data=plain)]),
            ("through-file", "bad", [entry("rootfs/f", data=plain), entry("rootfs/f/g", data=plain)]),
            ("through-device", "bad", [entry("rootfs/d", tarfile.CHRTYPE, device=(1, 3)),
                                       entry("rootfs/d/x", data=plain)]),
            ("link-then-file", "bad", [symlink("rootfs/l", "/tmp/kiln-escaped"), entry("rootfs/l", data=plain)]),
            ("link-to-itself", "any", [symlink("rootfs/l", "l")]),
            ("links-in-a-ring", "any", [symlink("rootfs/a", "b"), symlink("rootfs/b", "a")]),
            ("link-long", "bad", [symlink("rootfs/l", "x/" * 5000)]),
            ("link-empty", "bad", [block(b"rootfs/l", b"2")]),
            ("hard-link-out", "bad", [hard_link("rootfs/h", "../../etc/passwd")]),
            ("hard-link-absolute", "bad", [hard_link("rootfs/h", "/etc/passwd")]),
            ("hard-link-metadata", "bad", [hard_link("rootfs/h", "metadata.yaml")]),
            ("hard-link-itself", "bad", [hard_link("rootfs/h", "rootfs/h")]),
            ("hard-link-later", "bad", [hard_link("rootfs/h", "rootfs/later"), entry("rootfs/later", data=plain)]),
            ("hard-link-missing", "bad", [hard_link("rootfs/h", "rootfs/nothing")]),
            ("hard-link-folder", "bad", [hard_link("rootfs/h", "rootfs/etc")]),
            ("hard-link-through", "bad", [symlink("rootfs/out", "/etc"), hard_link("rootfs/h", "rootfs/out/passwd")]),
            ("twice", "bad", [entry("rootfs/x", data=b"1"), entry("rootfs/x", data=b"2")]),
            ("twice-other-kind", "bad", [entry("rootfs/x", data=b"1"), folder("rootfs/x/")]),
            ("twice-other-spelling", "bad", [entry("rootfs/x", data=b"1"), entry("./rootfs/./x", data=b"2")]),
            ("folder-missing", "any", [entry("rootfs/no/such/folder", data=plain)]),
            ("name-300", "bad", [entry("rootfs/" + "n" * 300, data=plain)]),
            ("name-5000", "bad", [entry("rootfs/" + "n/" * 2500 + "x", data=plain)]),
            ("name-control", "any", [entry("rootfs/a\nb\x1b[2Jc", data=plain)]),
            ("name-no-utf8", "any", [entry("rootfs/\udcff\udcfe", data=plain)]),
            ("name-empty", "bad", [block(b"", b"0")]),
            ("name-blank", "any", [entry("rootfs/ ", data=plain)]),
            ("devices", "any", [folder("rootfs/dev/")] + [
                entry("rootfs/dev/d%d" % i, tarfile.BLKTYPE, device=(8, i)) for i in range(50)]),
            ("device-huge", "bad", [entry("rootfs/dev", tarfile.CHRTYPE, device=(2097151, 2097151))]),
            ("fifo", "any", [entry("rootfs/fifo", tarfile.FIFOTYPE)]),
            ("kind-unknown", "any", [block(b"rootfs/what", b"Z")]),
            ("root-a-link", "bad", None), ("root-a-file", "bad", None), ("root-a-device", "bad", None),
            ("root-a-hard-link", "bad", None),
            ("owner-negative", "any", [entry("rootfs/o", pax={"uid": "-1"})]),
            ("owner-huge", "bad", [entry("rootfs/o", pax={"uid": "99999999999"})]),
            ("time-huge", "any", [entry("rootfs/t", pax={"mtime": "9" * 30})]),
            ("time-before", "any", [entry("rootfs/t", pax={"mtime": "-5000000000.5"})]),
    ):
        if entries is not None:
            corpus.add("path-" + name, verdict, name.replace("-", " "), (".tar", unified(entries)))
    for name, first in (("link", symlink("rootfs", "/tmp")), ("file", entry("rootfs", data=plain)),
                        ("device", entry("rootfs", tarfile.CHRTYPE, device=(1, 3))),
                        ("hard-link", hard_link("rootfs", "templates/hostname.tpl"))):
        corpus.add("root-a-" + name, "bad", "rootfs is a " + name, (".tar", unified(root=[first] + tree("rootfs/"))))
    deep = [folder("rootfs/" + "d/" * depth) for depth in range(1, 1800)]
    corpus.add("path-deep", "any", "folders 1800 deep", (".tar.gz", CODECS["gzip"][1](unified(deep))))


def structures(corpus):
    """metadata.yaml, templates/ and rootfs/, in ways they should not be."""
    template = entry("templates/hostname.tpl", data=b"x\n")
    root = tree("rootfs/")
    for name, verdict, entries in (
            ("empty", "bad", []),
            ("no-metadata", "bad", TEMPLATES + root),
            ("no-root", "bad", [metadata()] + TEMPLATES),
            ("no-templates", "bad", [metadata()] + root),
            ("no-folder-templates", "any", [metadata(), template] + root),
            ("metadata-last", "any", root + TEMPLATES + [metadata()]),
            ("templates-last", "any", [metadata()] + root + TEMPLATES),
            ("template-behind-root", "any", [metadata(), folder("templates/")] + root + [template]),
            ("metadata-twice", "bad", [metadata(), metadata()] + TEMPLATES + root),
            ("metadata-twice-apart", "bad", [metadata()] + TEMPLATES + root + [metadata()]),
            ("template-twice", "bad", [metadata()] + TEMPLATES + [template] + root),
            ("metadata-a-link", "bad", [symlink("metadata.yaml", "/etc/passwd")] + TEMPLATES + root),
            ("metadata-a-hard-link", "bad", TEMPLATES + [hard_link("metadata.yaml", "templates/hostname.tpl")] + root),
            ("metadata-a-folder", "bad", [folder("metadata.yaml/")] + TEMPLATES + root),
            ("metadata-a-fifo", "bad", [entry("metadata.yaml", tarfile.FIFOTYPE)] + TEMPLATES + root),
            ("metadata-a-device", "bad", [entry("metadata.yaml", tarfile.CHRTYPE, device=(1, 5))] + TEMPLATES + root),
            ("metadata-dot", "any", [metadata(name="./metadata.yaml")] + TEMPLATES + root),
            ("template-a-link", "bad", [metadata(), folder("templates/"),
                                        symlink("templates/hostname.tpl", "/etc/shadow")] + root),
            ("template-a-folder", "bad", [metadata(), folder("templates/"), folder("templates/hostname.tpl/")] + root),
            ("template-a-device", "bad", [metadata(), folder("templates/"),
                                          entry("templates/hostname.tpl", tarfile.CHRTYPE, device=(1, 5))] + root),
            ("template-nested", "bad", [metadata(), folder("templates/"), template, folder("templates/a/"),
                                        entry("templates/a/b", data=b"x")] + root),
            ("templates-a-link", "bad", [metadata(), symlink("templates", "/etc"), template] + root),
            ("templates-a-file", "bad", [metadata(), entry("templates", data=b"x")] + root),
            ("template-unused", "any", [metadata()] + TEMPLATES + [entry("templates/other.tpl", data=b"x")] + root),
            ("other-entries", "any", [metadata()] + TEMPLATES + root + [entry("README", data=b"x")]),
            ("virtual-machine", "bad", [metadata(), entry("rootfs.img", data=b"QFI\xfb" + noise(600))]),
            ("only-folders", "bad", [folder("a/"), folder("b/")]),
    ):
        corpus.add("structure-" + name, verdict, name.replace("-", " "), (".tar", tar(entries)))
    for name, text in (("empty", b""), ("tag", b"{% if %}\n"), ("include", b'{% include "/etc/shadow" %}\n'),
                       ("open", b"{{ container.name\n"), ("deep", b"{% if a %}" * 5000),
                       ("filter", b"{{ trigger|nothing }}\n"), ("bytes", noise(3000))):
        corpus.add("template-" + name, "good" if name == "empty" else "bad", "a template: " + name,
                   (".tar", unified(templates=[folder("templates/"), entry("templates/hostname.tpl", data=text)])))
    big = unified(templates=[folder("templates/"), entry("templates/hostname.tpl", data=b"x" * (40 << 20))])
    corpus.add("template-large", "bad", "a template of 40 MiB", (".tar.zst", CODECS["zstd"][1](big)))
    many = [folder("templates/")] + [entry("templates/t%d" % i, data=b"x") for i in range(20000)]
    corpus.add("template-many", "bad", "20,000 templates", (".tar.gz", CODECS["gzip"][1](unified(templates=many))))


def metadata_texts(corpus):
    lines = METADATA.splitlines(True)
    head = "".join(lines[:4])
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d]\n" % ((i, i) + (i - 1,) * 5) for i in range(1, 20))
    for name, verdict, text in (
            ("empty", "bad", ""), ("words", "bad", "just words\n"), ("list", "bad", "[1, 2]\n"),
            ("open-bracket", "bad", "a: [1\n"), ("tab", "bad", "a:\n\tb: c\n"),
            ("random", "bad", noise(2000)), ("nul", "bad", b"a\0b: c\n"), ("no-utf8", "bad", b"a: \xff\xfe\n"),
            ("utf16", "any", METADATA.encode("utf-16")),
            ("no-architecture", "bad", "".join(lines[1:])), ("no-date", "bad", lines[0] + "".join(lines[2:])),
            ("other-architecture", "bad", METADATA.replace("x86_64", "pdp11")),
            ("date-text", "bad", METADATA.replace("creation_date: 1700000000", "creation_date: yesterday")),
            ("date-zero", "bad", METADATA.replace("creation_date: 1700000000", "creation_date: 0")),
            ("date-huge", "bad", METADATA.replace("creation_date: 1700000000", "creation_date: " + "9" * 40)),
            ("expired-before", "bad", METADATA.replace("1800000000", "1600000000")),
            ("properties-list", "bad", METADATA.replace("{architecture", "[{architecture").replace("default}", "default}]")),
            ("property-map", "bad", METADATA.replace("description: tiny", "description: {a: b}")),
            ("property-number", "any", METADATA.replace("release: one", "release: 12")),
            ("templates-list", "bad", head + "templates: [a]\n"),
            ("template-null", "bad", head + "templates:\n  /etc/hostname:\n"),
            ("when-unknown", "bad", METADATA.replace("[create, copy]", "[boot]")),
            ("when-text", "bad", METADATA.replace("[create, copy]", "create")),
            ("template-path", "bad", METADATA.replace("hostname.tpl", "../../etc/shadow")),
            ("template-missing", "bad", METADATA.replace("hostname.tpl", "other.tpl")),
            ("target-up", "bad", METADATA.replace("/etc/hostname", "/../../etc/shadow")),
            ("create-only", "bad", METADATA.replace("false", "maybe")),
            ("mode", "bad", METADATA + "    mode: 4755\n"), ("uid", "bad", METADATA + "    uid: root\n"),
            ("duplicate", "bad", METADATA + lines[0]), ("two-documents", "bad", METADATA + "---\n" + METADATA),
            ("aliases", "any", METADATA + bomb), ("alias-to-itself", "bad", "a: &a\n  b: *a\n"),
            ("brackets", "bad", "a: " + "[" * 200000), ("anchors", "any", METADATA + "x:\n" + "".join(
                "- &a%d x\n" % i for i in range(60000))),
            ("directives", "bad", "".join("%%TAG !%d! a\n" % i for i in range(40000)) + "---\n" + METADATA),
            ("long-line", "any", METADATA + "# " + "x" * 900000 + "\n"),
            ("2-mib", "bad", METADATA + "# x\n" * (1 << 19)),
    ):
        corpus.add("metadata-" + name, verdict, "metadata.yaml: " + name.replace("-", " "),
                   (".tar.gz", CODECS["gzip"][1](unified(meta=metadata(text)))))


def headers(corpus):
    """What tar itself should not say."""
    good = [metadata()] + TEMPLATES + tree("rootfs/")
    for name, verdict, wrong in (
            ("checksum", "bad", block(b"rootfs/x", checksum=b"000000\0 ")),
            ("size-letters", "any", block(b"rootfs/x", size=b"zzzzzzzzzzz\0")),
            ("size-negative", "bad", block(b"rootfs/x", size=b"\xff" * 12)),
            ("size-huge", "bad", block(b"rootfs/x", size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7)),
            ("size-1-tib", "bad", block(b"rootfs/x", size=b"\x80" + (1 << 40).to_bytes(11, "big"))),
            ("size-beyond-end", "bad", block(b"rootfs/x", size=b"00000400000\0")),
            ("folder-with-size", "any", block(b"rootfs/x/", b"5", size=b"00000001000\0") + b"x" * 512),
            ("link-with-size", "any", block(b"rootfs/x", b"2", size=b"00000001000\0", link=b"y") + b"x" * 512),
            ("pax-size-huge", "bad", pax_block(record(b"size", b"9" * 25)) + block(b"rootfs/x")),
            ("pax-size-negative", "bad", pax_block(record(b"size", b"-1")) + block(b"rootfs/x")),
            ("pax-length-zero", "any", pax_block(b"0 path=x\n") + block(b"rootfs/x")),
            ("pax-length-huge", "any", pax_block(b"99999999999999999999 path=x\n") + block(b"rootfs/x")),
            ("pax-no-equals", "any", pax_block(b"8 pathx\n") + block(b"rootfs/x")),
            ("pax-claims-4-gib", "bad", pax_block(b"", size=0o37777777777) + block(b"rootfs/x")),
            ("pax-path-nul", "any", pax_block(record(b"path", b"rootfs/a\0b")) + block(b"rootfs/x")),
            ("pax-path-up", "bad", pax_block(record(b"path", b"rootfs/../../kiln-escaped")) + block(b"rootfs/x")),
            ("pax-many", "any", pax_block(b"".join(record(b"k%d" % i, b"v") for i in range(50000))) +
             block(b"rootfs/x")),
            ("pax-alone", "any", pax_block(record(b"path", b"rootfs/x"))),
            ("pax-on-pax", "any", pax_block(record(b"path", b"a")) * 50 + block(b"rootfs/x")),
            ("global", "any", pax_block(record(b"path", b"rootfs/all"), kind=b"g") + block(b"rootfs/x")),
            ("gnu-long-name", "bad", block(b"././@LongLink", b"L", size=b"00000020000\0") + b"n" * 8192 +
             block(b"rootfs/x")),
            ("gnu-long-claims", "bad", block(b"././@LongLink", b"L", size=b"37777777777\0") + block(b"rootfs/x")),
            ("xattrs-many", "bad", entry("rootfs/x", pax={"SCHILY.xattr.user.a%d" % i: "v" for i in range(5000)})),
            ("xattr-large", "bad", entry("rootfs/x", pax={"SCHILY.xattr.user.a": "v" * 200000})),
            ("xattr-name", "bad", entry("rootfs/x", pax={"SCHILY.xattr.user." + "a" * 600: "v"})),
            ("acl-bad", "any", entry("rootfs/x", pax={"SCHILY.acl.access": "user::rwx,nonsense:::::"})),
            ("acl-many", "any", entry("rootfs/x", pax={"SCHILY.acl.access": "user::rwx\n" + "\n".join(
                "user:%d:rwx:%d" % (i, i) for i in range(6000))})),
            ("capability-short", "bad", entry("rootfs/x", pax={"SCHILY.xattr.security.capability": "x"})),
            ("sparse-1-tib", "any", entry("rootfs/x", pax={"GNU.sparse.major": "0", "GNU.sparse.minor": "1",
                                                           "GNU.sparse.name": "rootfs/x",
                                                           "GNU.sparse.size": str(1 << 40),
                                                           "GNU.sparse.numblocks": "0", "GNU.sparse.map": ""})),
            ("sparse-backwards", "any", entry("rootfs/x", data=b"x" * 512, pax={
                "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "rootfs/x",
                "GNU.sparse.size": "4096", "GNU.sparse.map": "4000,256,0,256"})),
            ("sparse-1.0-bad-map", "any", entry("rootfs/x", data=b"99999999\n" + b"0\n" * 250, pax={
                "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "rootfs/x",
                "GNU.sparse.realsize": "4096"})),
            ("zero-block", "bad", b"\0" * 512),
            ("end-in-the-middle", "bad", b"\0" * 1024 + b"".join([block(b"rootfs/hidden")])),
            ("noise", "bad", noise(512, 3)),
    ):
        tail = [entry("rootfs/zz-last", data=b"last\n")]
        corpus.add("header-" + name, verdict, "tar header: " + name.replace("-", " "),
                   (".tar", tar(good + [wrong] + tail)))
    corpus.add("end-one-block", "any", "one empty block at the end", (".tar", tar(good, b"\0" * 512)))
    corpus.add("end-none", "bad", "no empty block at the end", (".tar", tar(good, b"")))
    corpus.add("end-noise", "bad", "bytes behind the empty blocks", (".tar", tar(good, b"\0" * 1024 + noise(512))))


def bombs(corpus):
    """Small files that become large, or ask for much memory."""
    encode = CODECS["zstd"][1]

    def zeros(before, name, size, after=b"\0" * 1024, kind=b"0"):
        """An archive whose last entry has SIZE bytes of zeros, never held here."""
        with tempfile.TemporaryFile() as file:
            file.write(before)
            file.write(block(name, kind, b"%011o\0" % size))
            file.truncate(file.tell() + size)
            file.seek(0, os.SEEK_END)
            file.write(after)
            file.seek(0)
            return subprocess.run(["zstd", "-q", "-1", "--check", "-c"], stdin=file, stdout=subprocess.PIPE,
                                  check=True).stdout

    corpus.add("bomb-root", "any", "a file of 320 MiB of zeros", (
        ".tar.zst", zeros(unified(end=b""), b"rootfs/zeros", 320 << 20)))
    corpus.add("bomb-metadata", "bad", "metadata.yaml of 320 MiB", (
        ".tar.zst", zeros(b"", b"metadata.yaml", 320 << 20, tar(TEMPLATES + tree("rootfs/")))))
    corpus.add("bomb-template", "bad", "a template of 320 MiB", (
        ".tar.zst", zeros(tar([metadata(), folder("templates/")], b""), b"templates/hostname.tpl", 320 << 20,
                          tar(tree("rootfs/")))))
    corpus.add("bomb-pax", "bad", "an extended header of 320 MiB", (
        ".tar.zst", zeros(unified(end=b""), b"pax", 320 << 20, block(b"rootfs/x") + b"\0" * 1024, b"x")))
    corpus.add("bomb-padding", "any", "64 MiB of zeros behind the end", (
        ".tar.zst", encode(unified(end=b"\0" * (64 << 20)))))
    entries = [folder("rootfs/many/")] + [entry("rootfs/many/%d" % i) for i in range(100000)]
    corpus.add("bomb-entries", "any", "a folder of 100,000 files", (".tar.zst", encode(unified(entries))))
    twice = CODECS["gzip"][1](CODECS["gzip"][1](unified()))
    corpus.add("codec-twice", "bad", "compressed twice", (".tar.gz", twice))
    for name, suffix, data in (
            # RFC 8878: a frame whose window descriptor asks for 3.75 TiB.
            ("zstd-window", ".zst", b"\x28\xb5\x2f\xfd\x00\xff" + b"\x01\x00\x00"),
            ("zstd-dictionary", ".zst", b"\x28\xb5\x2f\xfd\x03\x00" + b"\x01\x02\x03\x04" + b"\x01\x00\x00"),
            ("zstd-skippable", ".zst", b"\x50\x2a\x4d\x18" + struct.pack("<I", 0xffffffff) + b"x" * 100),
            # A dictionary of 4 GiB, which a decoder would have to hold.
            ("lzma-dictionary", ".lzma", b"\x5d\xff\xff\xff\xff" + b"\xff" * 8 + lzma.compress(
                unified(), format=lzma.FORMAT_ALONE)[13:]),
            ("lzma-size", ".lzma", b"\x5d\0\0\x80\0" + struct.pack("<Q", 1 << 60) + lzma.compress(
                unified(), format=lzma.FORMAT_ALONE)[13:]),
            ("gzip-flags", ".gz", b"\x1f\x8b\x08\xff" + noise(300)),
            ("gzip-name", ".gz", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"n" * 2000000),
            ("bzip2-level", ".bz2", b"BZhX" + noise(300)),
            ("xz-header", ".xz", b"\xfd7zXZ\0\0\xff" + noise(300)),
            ("lz4", ".lz4", b"\x04\x22\x4d\x18" + noise(300)),
            ("zip", ".zip", b"PK\x03\x04" + noise(300)),
            ("qcow2", ".qcow2", b"QFI\xfb" + noise(600)),
            ("text", ".txt", b"this is no image\n" * 40),
            ("noise", "", noise(4096)),
            ("zeros", "", b"\0" * 10240),
            ("squashfs-alone", ".squashfs", squashfs("xz")),
            ("elf", "", b"\x7fELF" + noise(600)),
    ):
        corpus.add("codec-" + name, "bad", "not what it seems: " + name, (".tar" + suffix, data))


def main():
    where = sys.argv[-1]
    os.makedirs(where, exist_ok=True)
    corpus = Corpus(where)
    if "--good-only" in sys.argv:
        good(corpus)
        return
    damaged(corpus)
    paths(corpus)
    structures(corpus)
    metadata_texts(corpus)
    headers(corpus)
    bombs(corpus)
    corpus.write_index()
    print(len(corpus.rows))


if __name__ == "__main__":
    main()
