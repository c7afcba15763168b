#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small signed Debian archives for tests. Needs gpg and, for .deb files, dpkg-deb.

    tests/make_archive.py key FOLDER [--name NAME]
        makes a signing key: FOLDER/public.asc, FOLDER/public.gpg (binary) and FOLDER/secret.asc; prints
        its fingerprint. Nothing of gpg's stays behind (no agent, no home).

    tests/make_archive.py deb FOLDER --name N [--version V] [--arch A] [--field 'Depends: x'] [--file PATH=TEXT]
                              [--script postinst=TEXT] [--copy PATH[=AS]] [--compress xz|gzip|zstd|none]
        builds a tiny package into FOLDER and prints its file name. --copy puts a program of this host into
        it, with the libraries that it needs.

    tests/make_archive.py archive OUT [--debs FOLDER] [--suite S] [--codename C] [--component main]
                              [--arch amd64] [--key FOLDER]...
        adds one suite to the archive in OUT: pool/ with copies of the .deb files, dists/SUITE/ with
        COMPONENT/binary-ARCH/Packages in the compressions of --index, by-hash, Release, and what --sign says.
        Packages for all architectures are in each architecture's index, as in Debian.

        --index xz,gz,plain    which compressions are written (xz, gz, bz2, zst by the tool, plain); Release
                               lists the plain one always, unless --hide-plain
        --date EPOCH           of the Release file; default now
        --valid-until EPOCH    default: no such field
        --origin, --label      default: Test
        --sign both|inline|detached|none     InRelease, Release.gpg; default both
        --digest SHA512        that the signature is made with (SHA1 makes a weak one)
        --field 'Name: value'  one more field of the Release file; 'Name:' takes a field away
        --no-by-hash           neither by-hash folders nor Acquire-By-Hash
        --separate-all         binary-all has the packages for all architectures, the others have not
        --empty                no packages at all is fine (otherwise an error)
"""

import argparse
import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


class GnuPG:
    """A home of gpg's that is gone afterwards, with its agent."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="kiln-gpg-", dir="/tmp")  # sockets: the path must be short
        self.environment = {**os.environ, "GNUPGHOME": self.home, "LC_ALL": "C"}
        return self

    def __exit__(self, *_):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.environment, check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def __call__(self, *arguments, **options):
        command = ["gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
        return run(*command, *arguments, env=self.environment, **options)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def make_key(arguments):
    with GnuPG() as gpg:
        gpg("--quick-gen-key", arguments.name, "ed25519", "sign", "never", stderr=subprocess.DEVNULL)
        listing = gpg("--with-colons", "--list-keys").decode()
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        write(os.path.join(arguments.folder, "public.asc"), gpg("--armor", "--export"))
        write(os.path.join(arguments.folder, "public.gpg"), gpg("--export"))
        write(os.path.join(arguments.folder, "secret.asc"), gpg("--armor", "--export-secret-keys"))
    print(fingerprint)


def copy_program(folder, path, name):
    """PATH of this host as NAME below FOLDER, and what the dynamic loader takes along, for a merged /usr."""
    libraries = [word for word in subprocess.run(["ldd", path], check=False, stdout=subprocess.PIPE,
                                                 stderr=subprocess.DEVNULL).stdout.decode().split()
                 if word.startswith("/")]
    for source, target in [(path, name), *((library, library) for library in libraries)]:
        if not target.startswith("/usr/"):
            target = "/usr" + target
        target = os.path.join(folder, target.lstrip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        os.chmod(target, 0o755)


def make_deb(arguments):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        control = [f"Package: {arguments.name}", f"Version: {arguments.version}",
                   f"Architecture: {arguments.arch}", "Maintainer: Test <test@example.org>",
                   *arguments.field, "Description: a package for tests", ""]
        write(os.path.join(folder, "DEBIAN/control"), "\n".join(control).encode())
        for script in arguments.script:
            name, _, text = script.partition("=")
            write(os.path.join(folder, "DEBIAN", name), text.encode())
            os.chmod(os.path.join(folder, "DEBIAN", name), 0o755)
        for file in arguments.file:
            name, _, text = file.partition("=")
            write(os.path.join(folder, name.lstrip("/")), text.encode())
        for copy in arguments.copy:
            path, _, name = copy.partition("=")
            copy_program(folder, path, name or path)
        epoch = arguments.version.replace(":", "%3a")
        out = os.path.join(arguments.folder, f"{arguments.name}_{epoch}_{arguments.arch}.deb")
        os.makedirs(arguments.folder, exist_ok=True)
        run("dpkg-deb", "--root-owner-group", f"-Z{arguments.compress}", "--build", folder, out)
    print(out)


def paragraphs(arguments):
    """(architecture, paragraph of the index) of each package, which is copied into the pool."""
    found = []
    names = sorted(os.listdir(arguments.debs)) if arguments.debs else []
    for name in (name for name in names if name.endswith(".deb")):
        path = os.path.join(arguments.debs, name)
        with open(path, "rb") as file:
            data = file.read()
        control = run("dpkg-deb", "--field", path).decode().rstrip("\n")
        architecture = run("dpkg-deb", "--field", path, "Architecture").decode().strip()
        place = f"pool/{arguments.component}/{name}"  # of an epoch, its %3a stays, as dpkg-scanpackages has it
        write(os.path.join(arguments.out, place), data)
        found.append((architecture, f"{control}\nFilename: {place}\nSize: {len(data)}\n"
                      f"SHA256: {hashlib.sha256(data).hexdigest()}\n"))
    if not found and not arguments.empty:
        sys.exit("no .deb files found (--empty allows that)")
    return found


PACKERS = {
    "xz": (".xz", lambda data: lzma.compress(data)),
    "gz": (".gz", lambda data: gzip.compress(data, mtime=0)),
    "bz2": (".bz2", bz2.compress),
    "zst": (".zst", lambda data: run("zstd", "-q", "-c", input=data)),
    "plain": ("", lambda data: data),
}


def write_index(arguments, suite, architecture, data):
    """The files of one index; lines for the Release file."""
    folder = f"{arguments.component}/binary-{architecture}"
    lines = []
    for word in arguments.index.split(","):
        suffix, pack = PACKERS[word]
        packed = pack(data)
        digest = hashlib.sha256(packed).hexdigest()
        write(os.path.join(suite, folder, "Packages" + suffix), packed)
        if not arguments.no_by_hash:
            write(os.path.join(suite, folder, "by-hash/SHA256", digest), packed)
        if suffix:
            lines.append(f" {digest} {len(packed)} {folder}/Packages{suffix}")
    if not arguments.hide_plain:
        lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {folder}/Packages")
    return lines


def write_indexes(arguments, suite):
    found = paragraphs(arguments)
    lines = []
    for architecture in arguments.arch.split(","):
        wanted = {architecture} if arguments.separate_all else {architecture, "all"}
        texts = [text for kind, text in found if kind in wanted]
        lines += write_index(arguments, suite, architecture, "\n".join(texts).encode())
    if arguments.separate_all:
        texts = [text for kind, text in found if kind == "all"]
        lines += write_index(arguments, suite, "all", "\n".join(texts).encode())
    return lines


def date(epoch):
    return time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(epoch))


def release_text(arguments, lines):
    fields = {
        "Origin": arguments.origin,
        "Label": arguments.label,
        "Suite": arguments.suite,
        "Codename": arguments.codename or arguments.suite,
        "Date": date(arguments.date if arguments.date is not None else time.time()),
        "Architectures": arguments.arch.replace(",", " "),
        "Components": arguments.component,
    }
    fields["Architectures"] = "all " + fields["Architectures"]
    if not arguments.separate_all:
        fields["No-Support-for-Architecture-all"] = "Packages"
    if arguments.valid_until is not None:
        fields["Valid-Until"] = date(arguments.valid_until)
    if not arguments.no_by_hash:
        fields["Acquire-By-Hash"] = "yes"
    for field in arguments.field:
        name, _, value = field.partition(":")
        fields[name] = value.strip()
    head = [f"{name}: {value}" for name, value in fields.items() if value]
    return "\n".join([*head, "SHA256:", *lines, ""]).encode()


def sign(arguments, suite, text):
    write(os.path.join(suite, "Release"), text)
    if arguments.sign == "none":
        return
    path = os.path.join(suite, "Release")
    with GnuPG() as gpg:
        users = []
        for key in arguments.key:
            gpg("--import", os.path.join(key, "secret.asc"), stderr=subprocess.DEVNULL)
            shown = gpg("--with-colons", "--show-keys", os.path.join(key, "public.asc")).decode()
            users += ["-u", next(x.split(":")[9] for x in shown.splitlines() if x.startswith("fpr:"))]
        how = [*users, "--yes", "--digest-algo", arguments.digest]
        if arguments.digest == "SHA1":
            how += ["--weak-digest", "MD5"]
        if arguments.sign in ("both", "inline"):
            gpg(*how, "--clearsign", "-o", os.path.join(suite, "InRelease"), path)
        if arguments.sign in ("both", "detached"):
            gpg(*how, "--armor", "--detach-sign", "-o", path + ".gpg", path)


def make_archive(arguments):
    suite = os.path.join(arguments.out, "dists", arguments.suite)
    shutil.rmtree(suite, ignore_errors=True)
    os.makedirs(suite)
    sign(arguments, suite, release_text(arguments, write_indexes(arguments, suite)))


def main():
    parser = argparse.ArgumentParser(description="small signed Debian archives for tests")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("key")
    verb.set_defaults(run=make_key)
    verb.add_argument("folder")
    verb.add_argument("--name", default="Test Archive <archive@example.org>")
    verb = verbs.add_parser("deb")
    verb.set_defaults(run=make_deb)
    verb.add_argument("folder")
    verb.add_argument("--name", required=True)
    verb.add_argument("--version", default="1.0")
    verb.add_argument("--arch", default="all")
    verb.add_argument("--compress", default="xz")
    for repeated in ("--field", "--file", "--script", "--copy"):
        verb.add_argument(repeated, action="append", default=[])
    verb = verbs.add_parser("archive")
    verb.set_defaults(run=make_archive)
    verb.add_argument("out")
    for name, default in (("debs", None), ("suite", "bookworm"), ("codename", None), ("component", "main"),
                          ("arch", "amd64"), ("index", "xz,gz"), ("origin", "Test"), ("label", "Test"),
                          ("digest", "SHA512")):
        verb.add_argument("--" + name, default=default)
    for repeated in ("--key", "--field"):
        verb.add_argument(repeated, action="append", default=[])
    for number in ("--date", "--valid-until"):
        verb.add_argument(number, type=int)
    verb.add_argument("--sign", default="both", choices=["both", "inline", "detached", "none"])
    for flag in ("--no-by-hash", "--separate-all", "--hide-plain", "--empty"):
        verb.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
