# SPDX-License-Identifier: Apache-2.0
"""Cases: what an archive and a network can do to a build."""

import gzip
import os

import archive as a
from archive import Rule
from bench import Case

CRLF = b"\r\n"
# Where curl has its own words, any will do as long as the address stands in front of them.
FAILED = r"cannot fetch 'http://127\.0\.0\.1:\d+/m1/debian/[^']+': .+"
# What a file that is not the promised one is called, by kind.
BAD = {"release": ("trust|format", r"InRelease|signature|signed"), "index": ("digest", r"index '.*Packages\.xz'.*promises"),
       "deb": ("digest", r"package 'extra'.*promises")}


def always(name, action, status="fetch", message=FAILED, quick=(), times=None, **more):
    """The same fault in each kind of file. STATUS and MESSAGE may be tables by kind, with "" for all others."""
    for kind in ("release", "index", "deb"):
        word, text = status, message
        if status is BAD:
            word, text = BAD[kind]
        if isinstance(word, dict):
            word = word.get(kind, word.get(""))
        if isinstance(text, dict):
            text = text.get(kind, text.get("", FAILED))
        yield Case(f"{name}: {kind}", word, text if word != "none" else "", quick=kind in quick,
                   rules=lambda kind=kind: [Rule(kind, action, times)], **more)


def connections():
    closed = a.free_port()
    yield Case("refused", "fetch", r"cannot fetch 'http://127\.0\.0\.1:\d+/.*InRelease': .*[Cc]onnect",
               mirrors=[f"http://127.0.0.1:{closed}/debian/"], quick=True)
    yield from always("connection reset", a.reset)
    yield from always("silent", a.silent, message="no byte came for|[Tt]imed? ?out", options=["--timeout", "1"],
                      quick=["deb"])
    yield from always("stalled after 50 bytes", a.stall(50), message="no byte came for", options=["--timeout", "1"],
                      quick=["release"])
    yield from always("stalled once", a.stall(50), "none", times=1, options=["--timeout", "1"], quick=["deb"])
    yield from always("1 kB a second, timeout of a second", a.paced(1000), "none",
                      options=["--timeout", "1"])
    yield Case("1 kB a second: 4 kB, timeout of a second", rules=lambda: [Rule("noise", a.paced(1000))],
               options=["--timeout", "1"], quick=True)
    yield from always("8 bytes a second", a.paced(8), message="[Ss]low|no byte came|less than", options=[
        "--timeout", "1", "--retries", "0"])


def lengths():
    yield from always("announces 100 bytes more than it sends", a.length(100),
                      {"release": "fetch", "": "none"})
    yield from always("sends 100 bytes more than it announces", a.length(-100), BAD)
    yield from always("a byte too short, and nothing tells", a.shorter(1), {**{k: BAD[k][0] for k in BAD}, "release": "none|trust|format"},
                      {k: BAD[k][1] for k in BAD})
    yield from always("half of it, and nothing tells", a.shorter(300), BAD, quick=["index"])
    yield from always("a byte too long", a.longer(1), {**{k: BAD[k][0] for k in BAD}, "release": "none|trust|format"},
                      {k: BAD[k][1] for k in BAD})
    yield from always("100 kB too long", a.longer(100000), {k: BAD[k][0] for k in BAD}, {k: BAD[k][1] for k in BAD})
    for fraction in (0, 0.5, 0.999):
        yield from always(f"a wrong bit at {fraction:.1%}", a.flip(fraction),
                          {"release": "none|trust|format", "index": "digest", "deb": "digest"},
                          {k: BAD[k][1] for k in BAD}, quick=["deb"] if fraction == 0.5 else ())
    yield from always("zeros", a.zeros, BAD)
    yield from always("empty", a.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), BAD)
    yield from always("the page of a captive portal", a.raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<html>Log in.</html>\n"), BAD,
                      quick=["release"])


def statuses():
    for code in (400, 401, 403, 404, 410, 416, 418, 451):
        # Without InRelease there are still Release and Release.gpg, as archives had them once.
        gone = code in (404, 410)
        yield from always(str(code), a.status(code), {"release": "none" if gone else "fetch", "": "fetch"},
                          f"HTTP {code}", quick=["deb"] if code in (403, 404) else ())
        if gone:
            yield Case(f"{code}: every Release file", "fetch", "no such suite 'bookworm'", quick=code == 404,
                       rules=lambda code=code: [Rule("release", a.status(code)), Rule("older", a.status(code))])
    for code in (408, 429, 500, 502, 503, 504):
        yield from always(str(code), a.status(code), message=f"HTTP {code}")
        yield from always(f"{code} once, then good", a.status(code), "none", times=1,
                          quick=["index"] if code == 500 else ())
    yield from always("503 twice with Retry-After: 1, then good", a.status(503, "Retry-After: 1\r\n"), "none", times=2,
                      options=["--retries", "2"])
    yield from always("Retry-After: nonsense", a.status(503, "Retry-After: -99999999999999999999\r\n"), "none", times=1)
    yield from always("204", a.status(204), message="HTTP 204")
    yield from always("206 unasked", a.raw_body(
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nContent-Length: LENGTH\r\n\r\n"),
                      {"index": "fetch|none", "": "fetch"})
    yield from always("304 unasked", a.status(304), message="304|not modified")
    yield from always("status 999", a.status(999), message="HTTP 999")
    yield from always("status 000", a.status("000"))
    yield from always("1xx for ever", endless(b"HTTP/1.1 100 Continue\r\n\r\n"), options=["--timeout", "1",
                                                                                          "--retries", "0"])
    yield from always("three 1xx, then good", a.raw_body(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\n\r\n"), "none")


def endless(piece):
    def action(request):
        while not request.server.over.is_set():
            request.write(piece * 100)

    return action


def redirects():
    yield from always("redirect to itself", a.redirect("PATH"), message="[Rr]edirect")
    yield from always("redirects, always longer", a.redirect("PATH/x"), {"release": "none|fetch", "": "fetch"},
                      "[Rr]edirect|HTTP 404")
    yield from always("redirect to a closed port", a.redirect(f"http://127.0.0.1:{a.free_port()}/PATH"))
    yield from always("redirect to nowhere", a.redirect(None), message="HTTP 302")
    yield from always("redirect to an empty address", a.redirect(""), message="HTTP 302|[Rr]edirect")
    yield from always("redirect to nonsense", a.redirect("http://[::bad/"))
    yield from always("redirect to a name that does not exist", a.redirect("http://no-such-host.invalid/PATH"))
    yield from always("redirect into this machine", a.redirect("file:///etc/passwd"), message="a scheme that is refused",
                      quick=["index"])
    yield from always("redirect to another protocol", a.redirect("gopher://127.0.0.1/x"), message="a scheme that is refused")
    yield from always("redirect of a megabyte", a.redirect("http://127.0.0.1/" + "x" * 1000000))
    yield from always("redirect to a good mirror", redirect_good, "none", quick=["deb"])


def redirect_good(request):
    if not request.path.startswith("/m1/"):
        return request.serve()
    request.status(302, f"Location: {request.path.replace('/m1/', '/m2/')}\r\n")
    return True


def headers():
    yield from always("another protocol", a.raw(b"SSH-2.0-OpenSSH_9.2\r\n"))
    yield from always("HTTP/0.9", a.raw_body(b""))
    yield from always("an empty answer", a.raw(b""))
    yield from always("binary noise", a.raw(bytes(range(256)) * 16))
    yield from always("a head with zero bytes", a.raw_body(b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: LENGTH\r\n\r\n"),
                      "fetch|none")
    yield from always("a head without colons", a.raw_body(
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\x80\xff\xfe\r\nContent-Length: LENGTH\r\n\r\n"), "none|fetch",
                      quick=["release"])
    yield from always("a head cut off", a.raw(b"HTTP/1.1 200 OK\r\nContent-Le"), message="ends in its head")
    yield from always("a header of a megabyte", a.with_header("X-Long: " + "x" * 1000000), "fetch|none",
                      quick=["index"])
    yield from always("headers without end", a.endless_headers, "fetch", quick=["deb"],
                      options=["--timeout", "1", "--retries", "0"])
    yield from always("an ETag of 100 kB", a.with_header('ETag: "' + "x" * 90000 + '"'), "none")
    yield from always("Content-Length: -1", a.raw_body(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "fetch|none")
    yield from always("Content-Length: abc", a.raw_body(b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n"), "fetch|none")
    yield from always("Content-Length: 2^64", a.raw_body(
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n"), "fetch|none|digest", "")
    yield from always("two lengths", a.raw_body(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: LENGTH\r\n\r\n"), "fetch|none|digest|trust|format", "")
    yield from always("no length", a.raw_body(b"HTTP/1.1 200 OK\r\n\r\n"), "none")
    yield from always("HTTP/1.0", a.raw_body(b"HTTP/1.0 200 OK\r\n\r\n"), "none")
    yield from always("HTTP/3.7", a.raw_body(b"HTTP/3.7 200 OK\r\nContent-Length: LENGTH\r\n\r\n"), "none|fetch")


def bodies():
    yield from always("chunks", a.chunks(b"BODY", b"0\r\n\r\n"), "none", quick=["deb"])
    yield from always("chunks with trailers", a.chunks(b"BODY", b"0\r\nX-More: x\r\n\r\n"), "none")
    yield from always("chunks that are cut off", a.chunks(b"BODY"), {"release": "fetch", "": "fetch|none"})
    yield from always("a chunk of nonsense", a.chunks(b"zz\r\nabc\r\n0\r\n\r\n"), quick=["index"])
    yield from always("a chunk of 2^64", a.chunks(b"FFFFFFFFFFFFFFFFF\r\nabc"))
    yield from always("a negative chunk", a.chunks(b"-5\r\nabc\r\n0\r\n\r\n"))
    yield from always("chunks and a length", a.chunks(b"BODY", b"0\r\n\r\n", head=b"Content-Length: 3\r\n"),
                      "none|fetch|digest|trust|format", "")
    yield from always("said to be gzip, and is not", a.encoded(bytes, "gzip"), "none")
    yield from always("gzip, unasked", a.encoded(gzip.compress, "gzip"), BAD, quick=["release"])
    yield from always("an unknown encoding", a.encoded(bytes, "x-none"), "none")
    yield from always("without end", a.endless_body(False),
                      {"release": "format", "index": "digest", "deb": "digest"},
                      {"release": "more than the limit", "": "more than the .* bytes"}, quick=["release"])
    yield from always("chunks without end", a.endless_body(True),
                      {"release": "format", "index": "digest", "deb": "digest"},
                      {"release": "more than the limit", "": "more than the .* bytes"})


def cuts(step):
    """Cut off after every n-th byte, of each kind of file: always there, which must fail, and once, which must not."""
    sizes = {"release": 1100, "index": 700, "deb": 800, "noise": 4800}
    for kind, size in sizes.items():
        for count in range(0, size, step if kind != "noise" else step * 6):
            # Of packages each try keeps what has come, so that two are enough for more than a half.
            status = {"release": "fetch|none", "index": "fetch|none"}.get(kind, "fetch|none")
            yield Case(f"cut after byte {count}: {kind}", status, FAILED, cache="full" if kind == "release" else "empty",
                       rules=lambda kind=kind, count=count: [Rule(kind, a.cut_answer(count))])
            yield Case(f"cut once after byte {count}: {kind}", "none",
                       rules=lambda kind=kind, count=count: [Rule(kind, a.cut_answer(count), 1)])
    for percent in range(0, 100, 9):
        yield Case(f"cut once at {percent} %: base", "none",
                   rules=lambda percent=percent: [Rule("base", a.cut(percent * 25000), 1)], quick=percent == 45)
        yield Case(f"cut at {percent} %: base", "fetch|none", FAILED,
                   rules=lambda percent=percent: [Rule("base", a.cut(percent * 20000))])


def few_cuts():
    for kind, count in (("release", 0), ("release", 600), ("index", 300), ("deb", 700)):
        yield Case(f"cut off after byte {count}: {kind}", "fetch", FAILED, quick=count == 600,
                   rules=lambda kind=kind, count=count: [Rule(kind, a.cut_answer(count))], options=["--retries", "0"])
        yield Case(f"cut off once after byte {count}: {kind}", "none", quick=count == 700,
                   rules=lambda kind=kind, count=count: [Rule(kind, a.cut_answer(count), 1)])


def resuming():
    for name, action in (("ignores Range", a.ignoring_range), ("answers with another part", a.wrong_range),
                         ("416 for the rest", a.status(416)), ("403 for the rest", a.status(403)),
                         ("404 for the rest", a.status(404))):
        failing = name.startswith("40")
        yield Case(f"base cut off, then the server {name}", "fetch" if failing else "none", FAILED if failing else "",
                   rules=lambda action=action: [Rule("base", a.cut(1000000), 1), Rule("base", action, 1)],
                   quick=name == "answers with another part")
    # A try that brings so much is no vain one, and one retry is enough for all.
    yield Case("base cut off eight times, a bit more each time", "none",
               rules=lambda: [Rule("base", a.cut(300000), 8)])


def two_mirrors():
    """The first one fails in many ways, the second is good."""
    def both(bench):
        return [bench.archive.url("m1"), bench.archive.url("m2")]

    ways = {"404": (a.status(404), "all"), "403": (a.status(403), "all"), "500": (a.status(500), "all"),
            "resets": (a.reset, "all"), "is cut off": (a.cut(40), "all"), "sends wrong bits": (a.flip(0.5), "all"),
            "is silent": (a.silent, "all"), "redirects in circles": (a.redirect("PATH"), "all"),
            "has no packages": (a.status(404), "debs"), "has no index": (a.status(404), "index"),
            "has wrong packages": (a.flip(0.5), "debs"), "has a wrong index": (a.flip(0.5), "index"),
            "cuts packages": (a.cut(300), "debs"), "fails for one package": (a.status(500), "deb")}
    for name, (action, kind) in ways.items():
        # A bad signature is not passed over: somebody should know of it.
        bad_release = name == "sends wrong bits"
        yield Case(f"two mirrors, the first {name}", "trust|none" if bad_release else "none",
                   "InRelease" if bad_release else "", mirrors=both,
                   options=["--timeout", "1"] if name == "is silent" else [], quick=name == "has wrong packages",
                   rules=lambda action=action, kind=kind: [Rule(kind, action, path="/m1/")])
    closed = a.free_port()
    yield Case("two mirrors, nobody at the first", "none", r"warning: .*:\d+/.*; going on with", quick=True,
               mirrors=lambda bench: [f"http://127.0.0.1:{closed}/debian/", bench.archive.url("m2")])
    yield Case("two mirrors, no name for the first", "none", r"warning: .*no-such-host.*; going on with",
               mirrors=lambda bench: ["http://no-such-host.invalid/debian/", bench.archive.url("m2")])
    yield Case("two mirrors, the first goes away in mid-build", "none", mirrors=both, quick=True,
               rules=lambda: [Rule("debs", a.reset, path="/m1/"), Rule("index", a.reset, path="/m1/")])
    yield Case("two mirrors, both cut off at the same place", "fetch", "m1/.*m2/", mirrors=both,
               rules=lambda: [Rule("base", a.cut(100), path="/m1/"), Rule("base", a.status(403), path="/m2/")])
    yield Case("two mirrors, both refuse", "fetch", "HTTP 403.*; .*HTTP 500|HTTP 500", mirrors=both,
               rules=lambda: [Rule("deb", a.status(403), path="/m1/"), Rule("deb", a.status(500), path="/m2/")])
    yield Case("two mirrors, the second has other packages", "none", mirrors=both,
               rules=lambda: [Rule("debs", a.flip(0.3), path="/m2/")])
    yield Case("three mirrors, the last is good", "none", mirrors=lambda bench: [
        f"http://127.0.0.1:{closed}/debian/", bench.archive.url("m1"), bench.archive.url("m2")],
               rules=lambda: [Rule("all", a.status(503), path="/m1/")])


def changing():
    """An archive that is updated while a build reads it."""
    def switch(*names):
        def change(server):
            base = os.path.dirname(server.usual[0])
            server.folders = [os.path.join(base, name) for name in names]

        return change

    yield Case("InRelease is new, the index is old", "digest|fetch", "index '.*Packages", folders=["mixed"])
    yield Case("InRelease is new, index and packages are missing", "fetch", "index '.*Packages", folders=["bare"])
    yield Case("packages are older than the index", "fetch", "package 'extra'.*HTTP 404", folders=["no-pool", "old-pool"],
               quick=True)
    yield Case("updated behind InRelease, with by-hash", "none", folders=["old"], image="old", quick=True,
               rules=lambda: [Rule("release", a.then(switch("final", "old")), 1)])
    yield Case("updated behind InRelease, without by-hash", "none", folders=["flat-old"], quick=True,
               rules=lambda: [Rule("release", a.then(switch("flat")), 1)])
    yield Case("updated twice behind InRelease, without by-hash", "digest|fetch|none", "index '.*Packages",
               folders=["flat-old"],
               rules=lambda: [Rule("release", a.then(switch("flat")), 1), Rule("release", a.then(switch("flat-old")), 1)])
    yield Case("updated behind the index", "fetch", "package 'extra'.*HTTP 404", folders=["old"], quick=True,
               rules=lambda: [Rule("index", a.then(switch("final")), 1)])
    yield Case("updated behind the first package", "none|fetch", "package 'extra'.*HTTP 404", folders=["old"], image="old",
               rules=lambda: [Rule("debs", a.then(switch("final")), 1)])
    yield Case("updated between two builds", "none", folders=["old"], image="old")
    yield Case("gone behind the index", "fetch", FAILED, rules=lambda: [Rule("debs", a.reset)])
    yield Case("one package has gone bad since", "digest", "package 'extra'", rules=lambda: [Rule("deb", a.flip(0.5))])


def names():
    yield Case("a name that does not exist", "fetch", r"no-such-host\.invalid.*[Rr]esolve|resolve.*no-such-host",
               mirrors=["http://no-such-host.invalid/debian/"], quick=True)
    yield Case("a name that is none", "fetch", "cannot fetch", mirrors=["http://-..-/debian/"])
    yield Case("an address that leads nowhere", "fetch", "cannot fetch", mirrors=["http://0.0.0.0:1/debian/"],
               options=["--timeout", "1"])


def cases(long):
    for group in (connections, lengths, statuses, redirects, headers, bodies, few_cuts, resuming, two_mirrors, changing,
                  names):
        yield from group()
    if long:
        yield from cuts(24)
