# SPDX-License-Identifier: Apache-2.0
"""Cases: what the host of a build can do to it. Those that depend on chance take it from the seed alone."""

import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import archive as a
from archive import Rule
from bench import Case

NO_ROOM = r"[Nn]o space|no room|disk|full|space"


def mount(bench, folder, options):
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=755", "kiln-faults", folder], check=True)


def small(folder, options):
    """A disk of that size in the place of one of the bench's folders."""

    def prepare(bench):
        path = getattr(bench, folder)
        if folder != "cache" or not os.path.isdir(path):
            mount(bench, path, options)
            return
        kept = path + ".kept"
        os.rename(path, kept)
        mount(bench, path, options)
        subprocess.run(["cp", "-a", kept + "/.", path], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(kept)

    return prepare


def roomy(folder):
    def undo(bench):
        path = getattr(bench, folder)
        subprocess.run(["mount", "-o", "remount,size=1g,nr_inodes=100k", path], check=True)

    return undo


def unmount(folder):
    def undo(bench):
        subprocess.run(["umount", getattr(bench, folder)], check=True)

    return undo


def steps(first, last, count):
    return [first + (last - first) * i // max(1, count - 1) for i in range(count)]


def disks(long, measured):
    """Sizes up to more than a build takes at its most, and close together where its last files are written."""
    image, cache, root = measured["image"], measured["cache"], measured["root"]
    kib = {
        "cache": [4, *steps(300, cache // 5, 12), *steps(cache // 4, cache, 10)],
        "out": [4, *steps(image // 8, image, 8), *steps(image + 4, image + 64, 14)],
        "disk": [4, *steps(root // 16, root, 14), *steps(root + 50, root + 800, 16)],
        "tmp": [4],
    }
    inodes = {"cache": [2, *steps(4, 40, 12), *steps(60, 190, 8)], "out": [*steps(2, 10, 9)],
              "disk": [2, *steps(10, 180, 16)], "tmp": [2]}
    for what, table, options in (("KiB", kib, "size={}k"), ("inodes", inodes, "size=1g,nr_inodes={}")):
        for folder, sizes in table.items():
            for i, size in enumerate(sizes):
                yield Case(f"{folder} has {size} {what}", "space|none", NO_ROOM,
                           options=(lambda bench: ["--work", bench.disk]) if folder == "disk" else [],
                           quick=i == (len(sizes) // 3 if what == "KiB" else len(sizes) - 4), prepare=small(folder, options.format(size)),
                           undo=roomy(folder))
    yield Case("the cache is full, and holds all packages", "none", cache="no-layers",
               prepare=fill("cache"), undo=unfill("cache"), quick=True)
    yield Case("the cache is full, and holds all layers", "none", cache="full", prepare=fill("cache"),
               undo=unfill("cache"))


def fill(folder):
    def prepare(bench):
        small(folder, "size=200m")(bench)
        with open(os.path.join(getattr(bench, folder), "filler"), "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass

    return prepare


def unfill(folder):
    def undo(bench):
        os.unlink(os.path.join(getattr(bench, folder), "filler"))

    return undo


def read_only(folder):
    def prepare(bench):
        path = getattr(bench, folder)
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "--bind", path, path], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)

    return prepare


def folders():
    yield Case("an empty cache that is read-only", "system", "[Rr]ead-only", prepare=read_only("cache"),
               undo=unmount("cache"), quick=True)
    yield Case("a read-only cache that holds all packages", "none", cache="no-layers", prepare=read_only("cache"),
               undo=unmount("cache"), quick=True)
    yield Case("a read-only cache that holds all layers", "none", cache="full", prepare=read_only("cache"),
               undo=unmount("cache"), quick=True)
    yield Case("a read-only cache with all layers, offline", "none", cache="full", prepare=read_only("cache"),
               options=["--offline"], undo=unmount("cache"))
    yield Case("a read-only output folder", "system", "[Rr]ead-only", prepare=read_only("out"), undo=unmount("out"),
               quick=True)
    yield Case("a read-only work folder", "system", "[Rr]ead-only", prepare=read_only("disk"), undo=unmount("disk"),
               options=lambda bench: ["--work", bench.disk])
    yield Case("a read-only temporary folder", "system|none", "[Rr]ead-only", prepare=read_only("tmp"),
               undo=unmount("tmp"))
    yield Case("a temporary folder that is not there", "system|none", "tmp", prepare=lambda bench: os.rmdir(bench.tmp),
               undo=lambda bench: os.mkdir(bench.tmp))
    for folder in ("cache", "out"):
        yield Case(f"{folder} is a file", "system", "Not a directory|is no folder", prepare=as_file(folder), undo=no_file(folder))
        yield Case(f"{folder} is a link to nowhere", "system", "File exists|No such file|Too many", prepare=as_link(folder),
                   undo=no_file(folder))
    yield Case("offline with nothing in the cache", "fetch", "--offline", options=["--offline"], quick=True)
    yield Case("offline with everything in the cache", "none", options=["--offline"], cache="full")
    for mib in (120, 160, 200, 300, 500):
        yield Case(f"{mib} MiB of address space", "internal|system|none|killed by SIGABRT|script|fetch|trust", "memory|allocate|",
                   prefix=["prlimit", f"--as={mib << 20}"])
    yield Case("few open files", "system|none|script", "[Tt]oo many open files", prefix=["prlimit", "--nofile=24"])
    yield Case("a limit on the size of files", "system|space|script|killed by SIGXFSZ", "", prefix=[
        "prlimit", "--fsize=1000000"])


def as_file(folder):
    def prepare(bench):
        path = getattr(bench, folder)
        shutil.rmtree(path, ignore_errors=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("not a folder\n")

    return prepare


def as_link(folder):
    def prepare(bench):
        path = getattr(bench, folder)
        shutil.rmtree(path, ignore_errors=True)
        os.symlink("/nowhere/at/all", path)

    return prepare


def no_file(folder):
    return lambda bench: os.unlink(getattr(bench, folder))


# ---- signals


def after(seconds, number, group):
    def during(_bench, process):
        time.sleep(seconds)
        try:
            if group:
                os.killpg(process.pid, number)
            else:
                os.kill(process.pid, number)
        except ProcessLookupError:
            pass

    return during


def signals(rounds, seed, seconds):
    """At moments of chance, from before the first line to after the last."""
    chance = random.Random(f"{seed} signals")
    for name in ("INT", "TERM", "KILL"):
        for i in range(rounds):
            moment = chance.uniform(0, seconds * 1.1)
            on_disk = i % 4 == 3
            cache = "empty" if i % 3 else "no-layers"
            # A terminal sends Ctrl-C to all of its foreground processes, maintainer scripts included.
            yield Case(f"SIG{name} {i + 1}, after {moment:.3f} s" + (", on disk" if on_disk else ""),
                       "killed by SIGKILL|none" if name == "KILL" else "interrupted|none", "[Ii]nterrupted", cache=cache,
                       options=(lambda bench: ["--work", bench.disk]) if on_disk else [],
                       next_options=(lambda bench: ["--work", bench.disk]) if on_disk else [],
                       rules=lambda: [Rule("base", a.paced(20000000))], during=after(moment, getattr(signal, f"SIG{name}"), name == "INT"),
                       early=f"killed by SIG{name}", killed=name == "KILL", quick=i < 2)


def more_signals():
    yield Case("SIGTERM while a server is silent", "interrupted", "interrupted", rules=lambda: [Rule("index", a.silent)],
               during=after(0.3, signal.SIGTERM, False), quick=True)
    yield Case("SIGTERM while a download is slow", "interrupted", "interrupted",
               rules=lambda: [Rule("base", a.paced(100000))], during=after(0.6, signal.SIGTERM, False))
    yield Case("SIGINT twice", "interrupted|killed by SIGINT", "interrupted", rules=lambda: [Rule("base", a.paced(100000))],
               during=twice)
    yield Case("SIGSTOP for a second, SIGCONT", "none", during=pause, rules=lambda: [Rule("base", a.paced(20000000))])
    yield Case("SIGPIPE: nobody reads what it says", "system", "standard output", during=close_output, delivers=True)


def twice(bench, process):
    after(0.5, signal.SIGINT, True)(bench, process)
    after(0.01, signal.SIGINT, True)(bench, process)


def pause(bench, process):
    after(0.3, signal.SIGSTOP, True)(bench, process)
    after(1, signal.SIGCONT, True)(bench, process)


def close_output(_bench, process):
    process.stdout.close()
    process.stdout = None


# ---- several at once


def together(long):
    for other, folder in (("in the same folder", "out"), ("in another folder", "more")):
        for cache in ("empty", "no-layers", "full"):
            yield Case(f"two at once {other}, cache {cache}", "none", cache=cache, during=beside(1, folder),
                       quick=cache == "empty", rules=lambda: [Rule("base", a.paced(20000000))])
    yield Case("six at once in the same folder", "none", during=beside(5, "out"))
    yield Case("two at once, and the first is killed", "killed by SIGKILL", during=first_dies, killed=True,
               rules=lambda: [Rule("base", a.paced(4000000))], quick=True)
    yield Case("two at once, and the cache is trimmed", "none", during=trim)


def beside(count, folder):
    def during(bench, _process):
        out = os.path.join(bench.folder, folder)
        others = [bench.start(out=out) for _ in range(count)]
        for other in others:
            status, err = bench.finish(other)
            if status != "none":
                raise AssertionError(f"the one beside it: {status}\n{err}")
        # The last one's image is there; the first may not be through yet.
        if folder != "out" and bench.image(out) != bench.images["final"]:
            raise AssertionError(f"the image of the one beside it: {bench.image(out)}")

    return during


def first_dies(bench, process):
    out = os.path.join(bench.folder, "more")
    time.sleep(0.3)
    other = bench.start(out=out)
    time.sleep(0.2)
    process.kill()
    status, err = bench.finish(other)
    if status != "none" or bench.image(out) != bench.images["final"]:
        raise AssertionError(f"the one beside it: {status} {bench.image(out)}\n{err}")


def trim(bench, process):
    while process.poll() is None:
        subprocess.run([bench.kiln, "cache", "trim", "--keep", "0", "--cache", bench.cache], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.02)


# ---- clocks


# Else its timeouts would be those of another clock, too.
MONOTONIC = ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1"]


def clocks():
    for name, clock in (("ten years before the Release file", "2013-11-14 00:00:00"),
                        ("a minute before the Release file", "2023-11-14 22:12:20"),
                        ("at the beginning of time", "1970-01-02 00:00:00")):
        yield Case(f"a clock {name}", "expired", "not valid yet.*clock", prefix=["faketime", clock], cache="full",
                   quick=name.startswith("ten"))
    yield Case("a clock that goes a thousand times too fast", "none", prefix=[*MONOTONIC, "faketime", "-f", "+0 x1000"])
    yield Case("a clock of the year 2037", "none", prefix=["faketime", "2037-12-31 00:00:00"])
    yield Case("a clock that jumps back in mid-build", "none", prefix=[*MONOTONIC, "faketime", "-f", "@2027-01-01 00:00:00 i-7"])


# ---- the cache


def some_file(bench, chance, kind):
    """A file of the cache, by chance; the order in folders must not matter."""
    found = []
    for path, _, names in os.walk(os.path.join(bench.cache, kind)):
        found += [os.path.join(path, name) for name in names]
    found = [name for name in sorted(found) if os.path.isfile(name) and not os.path.islink(name)]
    return chance.choice(found) if found else None


def flip_byte(path, chance):
    size = os.path.getsize(path)
    if not size:
        with open(path, "wb") as file:
            file.write(b"x")
        return
    with open(path, "r+b") as file:
        at = chance.randrange(size)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << chance.randrange(5))]))


def truncate(path, chance):
    os.truncate(path, chance.randrange(os.path.getsize(path) + 1))


def overwrite(path, chance):
    with open(path, "wb") as file:
        file.write(chance.randbytes(chance.randrange(1, 5000)))


def remove(path, _chance):
    os.unlink(path)


def make_folder(path, _chance):
    os.unlink(path)
    os.makedirs(os.path.join(path, "in it"))


def make_link(path, chance):
    os.unlink(path)
    os.symlink(chance.choice(["/etc/passwd", "/nowhere", path, ".", "/dev/zero", "../../../../../../etc/passwd"]), path)


def make_fifo(path, _chance):
    os.unlink(path)
    os.mkfifo(path)


def make_socket(path, _chance):
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(os.path.dirname(path))
        try:
            one.bind(os.path.basename(path))
        finally:
            os.chdir(here)


def forbid(path, _chance):
    os.chmod(path, 0)


def cache_damage(rounds, seed):
    for how in (flip_byte, truncate, overwrite, remove, make_folder, make_link, make_fifo, make_socket, forbid):
        for kind in ("sha256", "payload", "volatile", "layers"):
            for i in range(rounds if how is flip_byte else max(1, rounds // 4)):
                chance = random.Random(f"{seed} {how.__name__} {kind} {i}")

                def prepare(bench, how=how, kind=kind, chance=chance):
                    path = some_file(bench, chance, kind)
                    if path:
                        how(path, chance)

                for cache in (["no-layers"] if kind != "layers" else ["full"]):
                    yield Case(f"{how.__name__.replace('_', ' ')}: {kind} {i + 1}", "none", cache=cache,
                               prepare=prepare, quick=i == 0 and how in (flip_byte, make_link))
    for how in (make_folder_of_file, make_file_of_folder, empty_folder, link_of_folder):
        for kind in ("sha256", "payload", "volatile", "layers", "partial"):
            if how is make_folder_of_file and kind == "partial":
                continue

            def prepare(bench, how=how, kind=kind):
                how(os.path.join(bench.cache, kind))

            word = "system|none" if how in (make_file_of_folder, link_of_folder) else "none"
            yield Case(f"{how.__name__.replace('_', ' ')}: {kind}", word,
                       "" if word == "none" else f"{kind}|Not a directory|cache", cache="full",
                       prepare=prepare, undo=mend(kind))


def make_folder_of_file(folder):
    for path, folders_here, names in os.walk(folder):
        folders_here[:] = [name for name in folders_here if name != "root"]
        for name in names:
            os.unlink(os.path.join(path, name))
            os.mkdir(os.path.join(path, name))


def make_file_of_folder(folder):
    shutil.rmtree(folder)
    with open(folder, "w", encoding="utf-8") as file:
        file.write("no folder\n")


def empty_folder(folder):
    shutil.rmtree(folder)


def link_of_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.symlink("/nowhere", folder)


def mend(kind):
    def undo(bench):
        path = os.path.join(bench.cache, kind)
        if os.path.islink(path) or os.path.isfile(path):
            os.unlink(path)

    return undo


def in_mid_build(rounds, seed):
    """Files of the cache vanish, or are cut, while a build is at work with them."""
    for what, how in (("removed", remove), ("truncated", truncate), ("replaced", overwrite)):
        for i in range(rounds):
            chance = random.Random(f"{seed} {what} {i}")
            cache = chance.choice(["no-layers", "full", "fetched", "empty"])
            moment = chance.uniform(0, 0.4)

            def during(bench, process, how=how, chance=chance, moment=moment):
                time.sleep(moment)
                for path, _, names in sorted(os.walk(bench.cache)):
                    for name in sorted(names):
                        if chance.random() < 0.5:
                            continue
                        try:
                            if os.path.isfile(os.path.join(path, name)) and "/partial" not in path:
                                how(os.path.join(path, name), chance)
                        except OSError:
                            pass

            yield Case(f"half of the cache is {what} in mid-build {i + 1}, cache {cache}",
                       "none|digest" if what == "removed" else "none|fetch|system|digest|format|script",
                       "cache|package|payload|layer|vanished|dpkg|unpack|index", cache=cache, during=during, quick=i == 0)
    yield Case("the whole cache is removed in mid-build", "none|system|fetch|digest", "cache|package",
               during=remove_cache)
    yield Case("the output folder is removed in mid-build", "none|system", "out|output|folder|No such file",
               during=lambda bench, process: (time.sleep(0.3), shutil.rmtree(bench.out, ignore_errors=True)))


def remove_cache(bench, _process):
    time.sleep(0.2)
    shutil.rmtree(bench.cache, ignore_errors=True)


# ---- name servers that say nothing


def names():
    """In a network namespace of its own: a name server on the loopback interface that never answers."""
    script = r"""
ip link set lo up
printf 'nameserver 127.0.0.1\noptions timeout:3 attempts:3\n' >"$1/resolv.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
python3 -c 'import socket, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("127.0.0.1", 53))
time.sleep(60)' &
server=$!
sleep 0.3
shift
"$@" &
kiln=$!
trap 'kill -TERM $kiln' TERM
wait $kiln
status=$?
while kill -0 $kiln 2>/dev/null; do wait $kiln; status=$?; done
kill $server
exit $status
"""

    def prefix(bench):
        return ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script, "sh", bench.home]

    yield Case("a name server that says nothing", "fetch", "slow.example.org", prefix=prefix,
               mirrors=["http://slow.example.org/debian/"], options=["--timeout", "1", "--retries", "0"])
    yield Case("SIGTERM while a name server says nothing", "interrupted", "interrupted", prefix=prefix,
               mirrors=["http://slow.example.org/debian/"], during=after(1, signal.SIGTERM, False))


def cases(long, seed, measured):
    seconds = measured["seconds"]
    yield from disks(long, measured)
    yield from folders()
    yield from signals(50 if long else 3, seed, seconds)
    yield from more_signals()
    yield from together(long)
    yield from clocks()
    yield from cache_damage(12 if long else 1, seed)
    yield from in_mid_build(12 if long else 2, seed)
    yield from names()
