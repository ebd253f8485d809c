"""A server on loopback that behaves as it is told: well, or in one of the ways that servers fail."""

import gzip
import hmac
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.mailbox import free_port

FAULTS = ("kill", "hang", "500", "401", "garbage", "empty", "truncated", "redirect", "html", "older", "drip")


class FaultServer:
    """`mode` is how it answers; batches that were accepted are in `batches`, all requests in `requests`."""

    def __init__(self, document):
        self.document = document
        self.mode = "good"
        self.event_answers = []
        self.batches = []
        self.requests = []
        self.paths_elsewhere = []
        self.redirects_to = ""
        self.seen = []
        self.streams = []
        self.stream_mode = None
        self.signing_key = None
        self._open_streams = set()
        self._released = threading.Event()
        self._server = None
        self._port = free_port()  # nobody else is given it while the server is away
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        if self._server is not None:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def fail(self, mode):
        """Behave like this from now on."""
        self.mode = mode
        if mode == "kill":
            self.stop()

    def recover(self):
        self.mode = "good"
        self._released.clear()
        if self._server is None:
            self.start()

    @property
    def events(self):
        """Events of accepted batches, a retried batch once."""
        batches = {batch["batch_id"]: batch for batch in self.batches}
        return [event for batch in batches.values() for event in batch["events"]]

    def tell(self, content):
        """Send bytes, or an event, to every open stream."""
        raw = content if isinstance(content, bytes) else b"data: " + json.dumps(content).encode() + b"\n\n"
        for stream in list(self._open_streams):
            stream.put(raw)

    def wait_for_streams(self, number=1, timeout_s=60.0):
        return eventually(lambda: len(self._open_streams) >= number, timeout_s)

    def knowing(self):
        """The keys of the clients that said that they have the document of now."""
        etag = _etag(_body(self.document))
        asked = [headers for path, headers in list(self.requests) if path == "/sdk/v1/config"]
        return {headers["Authorization"] for headers in asked if headers.get("If-None-Match") == etag}

    def wait(self):
        """Hang until the server stops."""
        self._released.wait(120)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        owner = self.server_owner
        if self.path == "/sdk/v1/stream":
            self._stream(owner)
            return
        self.path = self.path.partition("?")[0]
        owner.requests.append((self.path, dict(self.headers)))
        if self.path != "/sdk/v1/config":
            owner.paths_elsewhere.append((self.path, self.headers.get("authorization")))
        if not self._misbehave(owner):
            self._send_document(owner)

    def do_POST(self):
        owner = self.server_owner
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/sdk/v1/seen":
            owner.seen.append(json.loads(body)["flags"])
            self._answer(202, b"{}")
            return
        owner.requests.append((self.path, dict(self.headers)))
        if self._misbehave(owner):
            return
        status, headers, answer = owner.event_answers.pop(0) if owner.event_answers else (202, {}, None)
        batch = json.loads(gzip.decompress(body))
        if status == 202:
            owner.batches.append(batch)
            answer = answer or {"accepted": len(batch["events"]), "refused": []}
        if status == "lost":
            owner.batches.append(batch)
            self.close_connection = True
            return
        self._answer(status, json.dumps(answer or {}).encode(), headers)

    def _stream(self, owner):
        """Tell what the owner tells, until it ends; a server that is not asked for streams has none."""
        owner.streams.append(dict(self.headers))
        mode = owner.stream_mode
        if mode is None or mode == "404":
            self._answer(404, b"{}")
        elif mode == "html":
            self._answer(200, b"<html>", {"Content-Type": "text/html"})
        elif mode == "hang":
            owner.wait()
            self.close_connection = True
        elif mode in ("500", "401", "403"):
            self._answer(int(mode), b"{}")
        elif mode == "redirect":
            self._answer(302, b"", {"Location": f"{owner.redirects_to or owner.url}/elsewhere"})
        else:
            self._tell(owner)

    def _tell(self, owner):
        told = queue.Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b": hello\n\n")
        owner._open_streams.add(told)
        try:
            while not owner._released.is_set():
                try:
                    content = told.get(timeout=0.02)
                except queue.Empty:
                    continue
                if content == b"end":
                    return
                self.wfile.write(content)
        except OSError:
            return
        finally:
            owner._open_streams.discard(told)

    def _send_document(self, owner):
        body = _body(owner.document)
        etag = _etag(body)
        if self.headers.get("if-none-match") == etag:
            self._answer(304, b"", {"ETag": f"W/{etag}"})
            return
        headers = {"ETag": f"W/{etag}", "Content-Encoding": "gzip"}
        if owner.signing_key is not None:
            made = hmac.new(owner.signing_key.encode(), body, "sha256").hexdigest()
            headers["X-Headway-Signature"] = f"v1={made}"
        self._answer(200, gzip.compress(body), headers)

    def _misbehave(self, owner):
        mode = owner.mode
        if mode == "hang":
            owner.wait()
            self.close_connection = True
        elif mode in ("500", "401", "403"):
            self._answer(int(mode), b"{}")
        elif mode == "redirect":
            self._answer(302, b"", {"Location": f"{owner.redirects_to or owner.url}/elsewhere"})
        elif mode == "garbage":
            self._answer(200, b"\x00\xff{]" * 50)
        elif mode == "empty":
            self._answer(200, b"{}")
        elif mode == "html":
            self._answer(200, b"<html>Log in</html>", {"Content-Type": "text/html"})
        elif mode == "older":
            body = json.dumps({**owner.document, "version": owner.document["version"] - 1, "flags": {}})
            self._answer(200, body.encode())
        elif mode == "truncated":
            self._truncate(owner)
        elif mode == "drip":
            self._drip(owner)
        return mode != "good"

    def _drip(self, owner):
        """A byte now and then, for longer than anybody waits."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.close_connection = True
        try:
            while not owner._released.wait(0.05):
                self.wfile.write(b" ")
        except OSError:
            return

    def _truncate(self, owner):
        body = json.dumps(owner.document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def _answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _body(document):
    return document if isinstance(document, bytes) else packed(document)


def _etag(body):
    return f'"{abs(hash(body))}"'


def packed(document):
    """A document as the platform's server writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def eventually(condition, timeout_s=60.0):
    """Whether a condition holds before the time is out, which is long: nobody waits longer than it takes."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())
