"""A small OpenID Connect provider on loopback: discovery, authorization with PKCE, tokens, keys.

It logs in whoever `person` names without asking, and signs for real; `spoil` makes one answer wrong.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "headway", "s3cret-of-the-client"


class Provider:
    """Runs until `stop`; `person` are the claims of whoever comes."""

    def __init__(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.person: dict[str, Any] = {"sub": "u-1", "preferred_username": "eva", "groups": []}
        self.spoil: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.spoil.get("metadata", {}),
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where to send the browser back to."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """What the code is worth, once, to whoever holds its verifier; None for anybody else."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked is None or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        claims |= self.person | self.spoil.get("claims", {})
        key = self.spoil.get("key", self.key)
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": token}

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/authorize":
                    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(asked))
                    self.end_headers()
                elif parts.path == "/keys":
                    self._answer({"keys": [provider.key.as_dict(private=False)]})
                else:
                    self._answer(provider.metadata())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
                is_client = self.headers["Authorization"] == f"Basic {known}"
                found = provider.token({name: values[0] for name, values in form.items()})
                self._answer(found if is_client and found else {"error": "invalid_grant"})

            def _answer(self, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(400 if "error" in content else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
