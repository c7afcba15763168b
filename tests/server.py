#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server on the loopback interface that misbehaves on demand. Standard library only.

    tests/server.py ROOT [--log FILE] [--until-eof] [--tls CERTIFICATE-AND-KEY]

serves the files below ROOT. The first line on standard output is the port (the system chooses it). With
--until-eof it ends when its standard input does, so that it cannot outlive the test that started it; else
SIGTERM ends it. Each request appends one line to FILE:

    GET /debian/x.deb STATUS RANGE-OR-DASH BODY-BYTES

before it is answered; behind that stands who asks, when a name was sent: 'as NAME:PASSWORD', 'proxy as …'.

How it answers stands in the address, so one server does for all tests, and an address with modes works as a
mirror: the first part of the path may be '@' and modes, separated by commas; it is cut off before the file is
looked up, and stands in the log.

    http://127.0.0.1:PORT/debian/x.deb                   as it should be (Range, ETag, Last-Modified, 304)
    http://127.0.0.1:PORT/@cut=1000,norange/debian/x.deb

    cut=N          closes the connection after N bytes of each body
    fail=N         503 for the first N requests of this very address, then good
    status=CODE    always that status
    retry=S        with fail= or status=: a header Retry-After
    slow=N         N bytes a second
    stall=N        N bytes of the body, then silence
    silent         takes the request and never answers
    short=N        only the first N bytes, as if they were all
    long=N         N bytes too many
    claim=N        announces N bytes more than it sends
    flip=N         one wrong bit in the byte at offset N
    norange        does not know Range
    wrongrange     answers a Range with another part than the one asked for
    novalidator    no ETag, no Last-Modified, never 304
    loop           redirects to itself
    redirect       redirects to the same file without modes
    tofile         redirects to file:///etc/passwd
    toscheme=X     redirects to X://127.0.0.1/
    to=X:HOST:PORT redirects to the same file, without modes, at X://HOST:PORT/
    auth=USER:PW   asks for that name and password
    text=WORD      answers every request with that word
"""

import argparse
import base64
import email.utils
import hashlib
import http.server
import os
import signal
import ssl
import sys
import threading
import time
import urllib.parse

BLOCK = 16384


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "misbehaving"

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def log_message(self, *args):
        pass

    def note(self, status, sent):
        line = f"{self.command} {self.path} {status} {self.headers.get('Range') or '-'} {sent}"
        for header, word in (("Authorization", "as"), ("Proxy-Authorization", "proxy as")):
            if self.headers.get(header, "").startswith("Basic "):
                line += f" {word} {base64.b64decode(self.headers[header][6:]).decode()}"
        line += "\n"
        with self.server.lock:
            if self.server.log:
                self.server.log.write(line)
                self.server.log.flush()

    def empty(self, status, **headers):
        self.note(status, 0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def split(self):
        """Path → modes and the path of the file."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        modes = {}
        if path.startswith("/@"):
            head, _, rest = path[2:].partition("/")
            path = "/" + rest
            for mode in head.split(","):
                name, _, value = mode.partition("=")
                modes[name] = value
        return modes, path

    def answer(self):
        modes, path = self.split()
        if "silent" in modes:
            return self.be_silent()
        if self.refuse(modes, path):
            return None
        return self.send_file(modes, path)

    def be_silent(self):
        self.note("silent", 0)
        self.server.stop.wait(60)
        self.close_connection = True

    def refuse(self, modes, path):
        """Answer with what is no file; true when that was done."""
        with self.server.lock:
            count = self.server.counts[self.path] = self.server.counts.get(self.path, 0) + 1
        more = {"Retry_After": modes["retry"]} if "retry" in modes else {}
        if "auth" in modes:
            wanted = "Basic " + base64.b64encode(modes["auth"].encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self.empty(401, WWW_Authenticate='Basic realm="test"')
                return True
        if "fail" in modes and count <= int(modes["fail"]):
            self.empty(503, **more)
        elif "status" in modes:
            self.empty(int(modes["status"]), **more)
        elif "loop" in modes:
            self.empty(302, Location=self.path)
        elif "redirect" in modes:
            self.empty(302, Location=urllib.parse.quote(path))
        elif "tofile" in modes:
            self.empty(302, Location="file:///etc/passwd")
        elif "toscheme" in modes:
            self.empty(302, Location=modes["toscheme"] + "://127.0.0.1/")
        elif "to" in modes:
            scheme, host, port = modes["to"].split(":")
            self.empty(302, Location=f"{scheme}://{host}:{port}{urllib.parse.quote(path)}")
        else:
            return False
        return True

    def content(self, modes, path):
        """The bytes of the file, spoilt as the modes say; None when there is none."""
        if "text" in modes:
            return modes["text"].encode()
        name = os.path.realpath(os.path.join(self.server.root, path.lstrip("/")))
        if not name.startswith(self.server.root + "/") or not os.path.isfile(name):
            return None
        with open(name, "rb") as file:
            data = bytearray(file.read())
        self.changed = os.stat(name).st_mtime
        if "flip" in modes and int(modes["flip"]) < len(data):
            data[int(modes["flip"])] ^= 1
        if "short" in modes:
            data = data[: int(modes["short"])]
        if "long" in modes:
            data += b"x" * int(modes["long"])
        return bytes(data)

    def is_unchanged(self, etag, date):
        if self.headers.get("If-None-Match"):
            return self.headers["If-None-Match"] == etag
        since = self.headers.get("If-Modified-Since")
        return since is not None and email.utils.parsedate_to_datetime(since).timestamp() >= int(date)

    def range_start(self, modes, size):
        """First byte that is asked for; 0 without Range, None when there is no such byte."""
        asked = self.headers.get("Range")
        if not asked or "norange" in modes or not asked.startswith("bytes="):
            return 0
        start = int(asked[6:].split("-")[0] or 0)
        if start >= size:
            return None
        return start - 1 if "wrongrange" in modes else start

    def send_file(self, modes, path):
        self.changed = 0
        data = self.content(modes, path)
        if data is None:
            return self.empty(404)
        etag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
        if "novalidator" not in modes and self.is_unchanged(etag, self.changed):
            return self.empty(304, ETag=etag)
        start = self.range_start(modes, len(data))
        if start is None:
            return self.empty(416, Content_Range=f"bytes */{len(data)}")
        status = 206 if start else 200
        body = b"" if self.command == "HEAD" else data[start:]
        limit = min(int(modes.get("cut", len(body))), int(modes.get("stall", len(body))), len(body))
        self.note(status, limit)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) - start + int(modes.get("claim", 0))))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if "novalidator" not in modes:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", email.utils.formatdate(self.changed, usegmt=True))
        self.end_headers()
        self.send_body(modes, body, limit)
        return None

    def send_body(self, modes, data, limit):
        rate = int(modes.get("slow", 0))
        sent = 0
        try:
            while sent < limit:
                size = min(rate // 10 + 1 if rate else BLOCK, limit - sent)
                sent += self.wfile.write(data[sent : sent + size])
                if rate:
                    time.sleep(0.1)
            self.wfile.flush()
        except OSError:
            self.close_connection = True
        if sent < len(data) or "claim" in modes:
            if "stall" in modes:
                self.server.stop.wait(60)
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away is nothing to talk about."""


def main():
    parser = argparse.ArgumentParser(description="a web server that misbehaves on demand")
    parser.add_argument("root")
    parser.add_argument("--log")
    parser.add_argument("--until-eof", action="store_true")
    parser.add_argument("--tls", metavar="FILE", help="PEM: certificate and key")
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls)
        # The handshake belongs to the thread of the connection: it may fail, and must not hold up the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.root = os.path.realpath(arguments.root)
    server.log = open(arguments.log, "a", encoding="utf-8") if arguments.log else None
    server.lock = threading.Lock()
    server.counts = {}
    server.stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    if arguments.until_eof:
        sys.stdin.buffer.read()
    else:
        signal.pause()


if __name__ == "__main__":
    main()
