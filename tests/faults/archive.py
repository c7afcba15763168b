# SPDX-License-Identifier: Apache-2.0
"""A hostile archive on the loopback interface, inside the process that runs the cases. Standard library only.

tests/server.py misbehaves as an address tells it to, for tests that are shell scripts. Here a case lays rules over
an archive that is served well otherwise: which files, how often, and a function that writes whatever bytes it likes
into the connection, or changes the archive.
"""

import hashlib
import os
import re
import socket
import socketserver
import struct
import threading
import time

KINDS = {
    "release": re.compile(r"/InRelease$"),
    "older": re.compile(r"/Release(\.gpg)?$"),
    "index": re.compile(r"/by-hash/|/Packages(\.\w+)?$"),
    "by-hash": re.compile(r"/by-hash/"),
    "deb": re.compile(r"/extra_[^/]*\.deb$"),
    "noise": re.compile(r"/noise_[^/]*\.deb$"),
    "base": re.compile(r"/base_[^/]*\.deb$"),
    "debs": re.compile(r"\.deb$"),
    "all": re.compile(r""),
}
PIECE = 65536


class Gone(Exception):
    """The other side has gone away, or the case is over."""


class Request:
    """One request, and what an answer to it is made of."""

    def __init__(self, server, connection, line, headers, data):
        self.server = server
        self.connection = connection
        self.path = line.split(" ")[1] if line.count(" ") >= 2 else ""
        self.headers = headers
        self.data = data  # of the file; None: there is none

    def write(self, data):
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise Gone from error

    def start(self):
        """First byte that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(asked[1]) if asked else 0

    def etag(self):
        return '"' + hashlib.sha256(self.data).hexdigest()[:16] + '"'

    def head(self, length, start=0, more=""):
        text = "HTTP/1.1 " + ("206 Partial Content" if start else "200 OK") + "\r\n"
        if length is not None:
            text += f"Content-Length: {length}\r\n"
        if start:
            text += f"Content-Range: bytes {start}-{len(self.data) - 1}/{len(self.data)}\r\n"
        return (text + more + "\r\n").encode()

    def status(self, code, more=""):
        self.write(f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\n{more}\r\n".encode())

    def serve(self):
        """As it should be. True when the connection may go on."""
        if self.data is None:
            self.status(404)
            return True
        if self.headers.get("if-none-match") == self.etag():
            self.status(304)
            return True
        start = self.start()
        if start >= len(self.data) > 0:
            self.status(416)
            return True
        body = self.data[start:]
        self.write(self.head(len(body), start, f"ETag: {self.etag()}\r\n"))
        self.write(body)
        return True

    def wait(self, seconds=3600.0):
        """Do nothing, until the case is over or the client goes away."""
        end = time.monotonic() + seconds
        self.connection.settimeout(0.05)
        while time.monotonic() < end:
            if self.server.over.is_set():
                raise Gone
            try:
                if not self.connection.recv(1):
                    raise Gone
            except TimeoutError:
                pass
            except OSError as error:
                raise Gone from error
        self.connection.settimeout(None)


class Rule:
    """ACTION for the files of KIND: the requests after AFTER others, TIMES of them (None: all)."""

    def __init__(self, kind, action, times=None, after=0, path=None):
        self.kind, self.action, self.times, self.after, self.path = kind, action, times, after, path
        self.seen = 0

    def takes(self, path):
        if not KINDS[self.kind].search(path) or (self.path and not path.startswith(self.path)):
            return False
        self.seen += 1
        return self.seen > self.after and (self.times is None or self.seen <= self.after + self.times)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        try:
            while True:
                request, rest = self.read(rest)
                if not request or not self.answer(request):
                    break
        except (Gone, OSError, ValueError):
            pass

    def read(self, data):
        while b"\r\n\r\n" not in data:
            piece = self.request.recv(PIECE)
            if not piece:
                return None, b""
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {}
        for field in fields:
            name, _, value = field.partition(":")
            headers[name.strip().lower()] = value.strip()
        path = line.split(" ")[1]
        return Request(self.server, self.request, line, headers, self.server.find(path)), rest

    def answer(self, request):
        with self.server.lock:
            self.server.asked.append(request.path)
            rule = next((rule for rule in self.server.rules if rule.takes(request.path)), None)
        return rule.action(request) if rule else request.serve()


class Archive(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves the first of FOLDERS that has the file; a part '/m2/' in front of the path stands for a second mirror."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, folders):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.folders = self.usual = list(folders)
        self.rules = []
        self.asked = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that goes away is nothing to talk about."""

    def find(self, path):
        path = os.path.normpath("/" + path.split("?")[0]).lstrip("/")
        if "/" not in path:
            return None
        for folder in self.folders:
            try:
                with open(os.path.join(folder, path.partition("/")[2]), "rb") as file:
                    return file.read()
            except OSError:
                pass
        return None

    def url(self, mirror="m1"):
        return f"http://127.0.0.1:{self.port}/{mirror}/debian/"

    def begin(self, rules, folders=None):
        with self.lock:
            self.rules = rules
            self.asked = []
            self.folders = folders or self.usual
            self.over = threading.Event()

    def end(self):
        """All that waits in an answer ends, and from now on the archive is a good one."""
        over = self.over
        self.begin([])
        over.set()


def free_port():
    """One on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# ---- what may be wrong with an answer: functions that take a request, and say whether the connection may go on


def reset(request):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def silent(request):
    request.wait()


def raw(data):
    """Answer with these bytes, and end the connection."""

    def action(request):
        request.write(data)
        return False

    return action


def raw_body(head):
    """This head, which says nothing of a length that is true, and the file."""

    def action(request):
        request.write(head.replace(b"LENGTH", str(len(request.data or b"")).encode()) + (request.data or b""))
        return False

    return action


def cut(count):
    """So many bytes of each body; negative: from its end."""

    def action(request):
        start = request.start()
        body = request.data[start:]
        request.write(request.head(len(body), start) + body[:count])
        return False

    return action


def cut_answer(count):
    """So many bytes of the whole answer, head and all."""

    def action(request):
        start = request.start()
        body = request.data[start:]
        request.write((request.head(len(body), start, f"ETag: {request.etag()}\r\n") + body)[:count])
        return False

    return action


def stall(count):
    def action(request):
        start = request.start()
        body = request.data[start:]
        request.write(request.head(len(body), start) + body[:count])
        request.wait()

    return action


def paced(rate):
    """So many bytes a second."""

    def action(request):
        body = request.data[request.start() :]
        request.write(request.head(len(body), request.start()))
        step = max(1, rate // 20)
        for i in range(0, len(body), step):
            request.write(body[i : i + step])
            request.wait(step / rate)
        return True

    return action


def length(more):
    """Announces so many bytes more, or fewer, than there are, and sends all."""

    def action(request):
        start = request.start()
        body = request.data[start:]
        request.write(request.head(max(0, len(body) + more), start) + body)
        return False

    return action


def shorter(count):
    """The file ends so many bytes early, and nothing tells."""

    def action(request):
        body = request.data[:-count]
        request.write(request.head(len(body)) + body)
        return True

    return action


def longer(count):
    def action(request):
        body = request.data + b"x" * count
        request.write(request.head(len(body)) + body)
        return True

    return action


def flip(fraction):
    """One wrong bit. Not the one that tells A from a: a digest in hexadecimal would be the same then."""

    def action(request):
        data = bytearray(request.data)
        at = min(int(len(data) * fraction), len(data) - 1)
        data[at] ^= 1
        data = bytes(data)[request.start() :]
        request.write(request.head(len(data), request.start()) + data)
        return True

    return action


def zeros(request):
    body = bytes(len(request.data) - request.start())
    request.write(request.head(len(body), request.start()) + body)
    return True


def status(code, more=""):
    def action(request):
        request.status(code, more)
        return True

    return action


def redirect(to):
    """To an address in which PATH stands for the one that was asked for; None: to nowhere at all."""

    def action(request):
        request.status(302, f"Location: {to.replace('PATH', request.path)}\r\n" if to is not None else "")
        return True

    return action


def endless_headers(request):
    request.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.over.is_set():
        request.write(b"X-More: and more\r\n" * 1000)


def endless_body(chunked):
    def action(request):
        request.write(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
        piece = b"x" * PIECE
        while not request.server.over.is_set():
            request.write(b"%x\r\n%b\r\n" % (PIECE, piece) if chunked else piece)

    return action


def chunks(*parts, head=b""):
    """The parts as they are; BODY is the file as one chunk."""

    def action(request):
        body = b"%x\r\n%b\r\n" % (len(request.data), request.data)
        request.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + head + b"\r\n")
        for part in parts:
            request.write(body if part == b"BODY" else part)
        return False

    return action


def with_header(text):
    """All is well, but for one more header."""

    def action(request):
        request.write(request.head(len(request.data) - request.start(), request.start(), text + "\r\n"))
        request.write(request.data[request.start() :])
        return True

    return action


def encoded(encode, name):
    def action(request):
        body = encode(request.data)
        request.write(request.head(len(body), 0, f"Content-Encoding: {name}\r\n") + body)
        return True

    return action


def ignoring_range(request):
    request.write(request.head(len(request.data)) + request.data)
    return True


def wrong_range(request):
    start = max(0, request.start() - 1)
    body = request.data[start:]
    request.write(request.head(len(body), start) + body)
    return True


def then(change):
    """Answer well, and then change something."""

    def action(request):
        data = request.data
        result = request.serve()
        change(request.server)
        request.data = data
        return result

    return action


def first(change):
    """Change something before the answer."""

    def action(request):
        change(request.server)
        request.data = request.server.find(request.path)
        return request.serve()

    return action
