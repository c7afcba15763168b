#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Packages that mean harm.

    make_packages.py FOLDER OUTSIDE

Writes one .deb per trick into FOLDER, and prints "PACKAGE STATUS PATTERN": how a build with it must end, and what its
error must match. OUTSIDE is a folder of the host that they aim at.
tests/unit/t_unpack_escapes.c has more tricks; these are what the whole program is tried with.
"""
import os
import subprocess
import sys
import tarfile

END = b"\0" * 1024


def entry(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, size=None, mtime=1700000000, pax=None, device=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, link, mode, mtime
    info.size = len(data) if size is None else size
    info.devmajor, info.devminor = device
    info.pax_headers = pax or {}
    form = tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT
    return info.tobuf(form, "utf-8", "surrogateescape") + data + b"\0" * (-len(data) % 512)


def member(name, data):
    return b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 1700000000, 0, 0, b"100644", len(data)) + data + b"\n" * (len(data) % 2)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def deb(folder, name, entries, fields="", members=(), data=None, suffix=""):
    control = "Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <test@example.org>\n%sDescription: test\n"
    control = entry("./control", data=(control % (name, fields)).encode())
    tar = b"".join(entries) + END if data is None else data
    with open(os.path.join(folder, name + "_1.0_all.deb"), "wb") as file:
        file.write(b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar", control + b"".join(members) + END) +
                   member("data.tar" + suffix, tar))


def hole(claim):
    """One file of CLAIM bytes, nearly all of them a hole (GNU tar's old format: at 386 the pieces, at 483 the size)."""
    head = bytearray(entry("./hole", data=b"x" * 512)[:512])
    head[156:157] = b"S"
    head[386:410] = b"%011o\0%011o\0" % (0, 512)
    head[483:495] = b"\x80" + claim.to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + b"x" * 512


def debs(folder, outside):
    up = "../../../../../../../.." + outside
    told = []

    def trick(name, status, pattern, *arguments, **options):
        deb(folder, name, *arguments, **options)
        told.append("%s %s %s" % (name, status, pattern))

    trick("goes-up", "format", "'goes-up' 1.0: path './../evil' is not allowed", [entry("./../evil", data=b"x")])
    trick("through-link", "format", "'through-link' 1.0: .*'/out'",
          [entry("./out", tarfile.SYMTYPE, link=outside), entry("./out/evil", data=b"x")])
    trick("hard-link", "format", "'hard-link' 1.0: hard link '/h': path .* is not allowed",
          [entry("./h", tarfile.LNKTYPE, link=up + "/canary")])
    trick("hole", "format", "'hole' 1.0: './hole': its files have more than [0-9]+ bytes together", [hole(1 << 40)])
    trick("claim", "format", "'claim' 1.0: './big': its files have more than", [entry("./big", size=(1 << 40))])
    trick("attributes", "format", "'attributes' 1.0: .*attributes of more than 65536 bytes",
          [entry("./x", data=b"x", pax={"SCHILY.xattr.user.a%d" % i: "v" * 60000 for i in range(3)})])
    bomb = zstd(b"\0" * (160 << 20))
    trick("bomb", "format", "'bomb' 1.0: .*more than the limit of [0-9]+ bytes when decompressed", [],
          data=zstd(entry("./x") + END) + bomb * 15, suffix=".zst")
    trick("names", "format", "'names' 1.0: path '.*' has a part of more than 255 bytes", [entry("./" + "n" * 256, data=b"x")])
    trick("conffile", "format", "'conffile': control data: conffiles: '/../evil' is no absolute path", [],
          members=[entry("./conffiles", data=b"/../evil\n")])
    trick("trigger", "format", "'trigger': control data: triggers: .* is no name of a trigger", [],
          members=[entry("./triggers", data=b"interest ../../evil\n")])
    # What is odd, but a package's right: it is in the image, as it was, and nowhere else.
    trick("odd", "none", "-", [
        entry("./srv/set-uid", data=b"x", mode=0o6755), entry("./srv/again", tarfile.LNKTYPE, link="./srv/set-uid"),
        entry("./srv/pipe", tarfile.FIFOTYPE), entry("./srv/link", tarfile.SYMTYPE, link=up + "/canary"),
        entry("./srv/\udcff\udcfe", data=b"x"), entry("./srv/" + "n" * 255, data=b"x"),
        entry("./srv/times", data=b"x", pax={"mtime": str(1 << 60)}), entry("./srv/esc\x1b[2J", data=b"x"),
        entry("./srv/label", data=b"x", pax={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
    ])
    print("\n".join(told))


if __name__ == "__main__":
    debs(sys.argv[1], sys.argv[2])
