"""Running commands in this process, against a server that answers from a table."""

import io
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from headway.cli.program import main


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def run(*words, **variables):
    """A command with only these environment variables."""
    out, err = io.StringIO(), io.StringIO()
    code = main(list(map(str, words)), out=out, err=err, variables=variables)
    return Ran(code, out.getvalue(), err.getvalue())


class Answers:
    """A server on loopback: (method, path) → (status, body); what was sent is kept in `sent`."""

    def __init__(self, table):
        self.table = table
        self.sent = []
        owner = self

        class Handler(_Handler):
            answers = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def variables(self):
        return {"HEADWAY_URL": self.url, "HEADWAY_KEY": "hw_admin_test"}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    answers = None

    def do_GET(self):
        self._answer(None)

    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def do_PUT(self):
        self.do_POST()

    def _answer(self, body):
        path = self.path.removeprefix("/api/v1/")
        self.answers.sent.append((self.command, path, json.loads(body) if body else None, dict(self.headers)))
        found = self.answers.table.get((self.command, path), self.answers.table.get("*", (404, {})))
        status, content, *more = found(json.loads(body) if body else None) if callable(found) else found
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (more[0] if more else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args):
        """Say nothing."""
