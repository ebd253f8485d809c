"""Keeping the configuration fresh: disk first, then the server, never anything worse than what is used."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional

from headway.backoff import Backoff, spread
from headway.cachefile import CacheFile, CacheRefused
from headway.evaluation import Config, ConfigRefused
from headway.reading import parsed, read_config
from headway.transport import Answer, Line, Unreachable

PATH = "/sdk/v1/config"
SIGNATURE = "x-headway-signature"
LEAST_S = 0.05
_JITTER = 0.2
_KEY_LOOKED_AT_S = 5.0
_MALFORMED = (ConfigRefused, ValueError, RecursionError, TypeError)


class Source(NamedTuple):
    """Where the configuration in use came from: `server`, `disk`, `bootstrap` or `none`."""

    name: str
    version: Optional[int]
    environment: str
    etag: str
    fetched_at: Optional[float]

    @property
    def age_s(self) -> float | None:
        """Seconds since the server last said that this is the current configuration."""
        return None if self.fetched_at is None else max(time.time() - self.fetched_at, 0.0)


NOTHING = Config({"schema": 1, "version": 0, "layers": {}, "holdouts": {}, "segments": {}, "flags": {}})
NO_SOURCE = Source("none", None, "", "", None)


class Configuration:
    """Holds the configuration in use and fetches newer ones. `on_change` is called with each new one."""

    def __init__(
        self,
        line: Line,
        *,
        poll_s: float,
        cache: CacheFile | None,
        on_change: Callable[[Config], None],
        signing_key: Optional[str] = None,
    ) -> None:
        self.config = NOTHING
        self.source = NO_SOURCE
        self._transport, self._keys, self._counters, self._voice = line
        self._poll_s = max(poll_s, LEAST_S)
        self._cache = cache
        self._on_change = on_change
        self._signing_key = signing_key
        self._refused_etag = ""
        self._wanted_etag = ""
        self._is_kept = True
        self.start_again()

    def start_again(self) -> None:
        """Fresh locks and no waits: at the beginning and in a forked child."""
        self._changing = threading.RLock()
        self._backoff = Backoff()
        self._is_ready = threading.Event()
        self._polled = threading.Condition(threading.Lock())
        self._begun = self._ended = 0
        if self.source.name != "none":
            self._is_ready.set()

    def wait_until_ready(self, timeout_s: float) -> bool:
        return self._is_ready.wait(max(timeout_s, 0.0))

    def wait_for_poll(self, wake: Callable[[], None], timeout_s: float) -> bool:
        """Ask for a poll and wait until one that began afterwards is through."""
        with self._polled:
            wanted = self._begun + 1
            wake()
            return self._polled.wait_for(lambda: self._ended >= wanted, max(timeout_s, 0.0))

    # From memory and disk

    def bootstrap(self, document: object) -> None:
        """Use a document that the host brought along."""
        try:
            self._use(read_config(_text_of(document)), "bootstrap", "", None)
        except _MALFORMED as error:
            self._refused("the bootstrap document", error)

    def replace(self, config: Config) -> None:
        """Use a configuration that was made in this process."""
        self._use(config, "bootstrap", "", None)

    def load(self) -> None:
        """Use what is kept on disk, if it can be believed."""
        if self._cache is None:
            return
        try:
            kept = self._cache.read()
            if kept is not None:
                self._use(read_config(kept.body), "disk", kept.etag, kept.fetched_at)
        except (CacheRefused, OSError, *_MALFORMED) as error:
            self._refused("the kept configuration", error)

    # From the server

    def take_changes(self, data: bytes, told: object, version: object, etag: object) -> bool:
        """Use the flags that changed since the document in use; False when that has to be fetched.

        `data` is the text of `told`: it must not name a key twice. Changes carry no signature: who checks
        those fetches.
        """
        with self._changing:
            try:
                flags = None if self._signing_key else _changes_from(self.source, parsed(data))
                if flags is None or not isinstance(version, int) or version <= self.config.version:
                    return False
                config = self.config.updated(flags, version)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the whole is fetched
                self._voice.warn("changes", "headway: a change is fetched, not used as told: %r", error)
                return False
            self._use(config, "server", str(etag), time.time())
            self._counters.add("changes")
            self._is_kept = False
            return True

    def expect(self, etag: str) -> None:
        """The next poll asks for this document: caches on the way may not have it yet."""
        self._wanted_etag = etag

    def keep_changes(self) -> None:
        """Write down what changed piece by piece, if anything did."""
        config, etag = self.config, self.source.etag
        if not self._is_kept and self._cache is not None:
            self._is_kept = True
            self._keep(written(config.document), etag)

    def step(self) -> float | None:
        """One poll; the seconds until the next."""
        with self._polled:
            self._begun += 1
        try:
            return self._poll()
        finally:
            with self._polled:
                self._ended = self._begun
                self._polled.notify_all()

    def _poll(self) -> float | None:
        key = self._keys.usable()
        if key is None:
            return _KEY_LOOKED_AT_S
        self._counters.add("polls")
        self.keep_changes()
        try:
            return self._take(self._fetch(key), key)
        except Unreachable as error:
            return self._failed(str(error))

    def _fetch(self, key: str) -> Answer:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        etag = self._refused_etag or self.source.etag
        if etag:
            headers["If-None-Match"] = etag
        from urllib.parse import quote

        wanted, self._wanted_etag = self._wanted_etag, ""
        path = f"{PATH}?etag={quote(wanted, safe='')}" if wanted else PATH
        return self._transport.send("GET", path, key, headers)

    def _take(self, answer: Answer, key: str) -> float | None:
        if answer.status == 200:
            return self._take_document(answer)
        if answer.status == 304 and (self.source.etag or self._refused_etag):
            return self._still_current()
        if answer.status in (401, 403):
            return self._take_refusal(answer, key)
        return self._failed(f"the server answered {answer.status}", answer.retry_after_s)

    def _take_document(self, answer: Answer) -> float | None:
        etag = answer.headers.get("etag", "").removeprefix("W/")
        try:
            self._check_signature(answer)
            config = read_config(answer.body, previous=self.config)
        except _MALFORMED as error:
            self._refused_etag = etag
            self._refused("the server's configuration", error)
            return self._backoff.next_s()
        with self._changing:
            if self._is_overtaken(config):
                return self._soon()
            if self._is_older(config):
                return self._backoff.next_s()
            self._refused_etag = ""
            self._use(config, "server", etag, time.time())
            self._is_kept = True
        self._keep(answer.body, etag)
        return self._soon()

    def _check_signature(self, answer: Answer) -> None:
        """Raises ValueError when the document is not as the server signed it."""
        if self._signing_key is None:
            return
        import hmac

        made = hmac.new(self._signing_key.encode(), answer.body, "sha256").hexdigest()
        if not hmac.compare_digest(f"v1={made}".encode(), answer.headers.get(SIGNATURE, "").encode()):
            raise ValueError("its signature does not hold: it was changed on its way, or signed for another")

    def _is_overtaken(self, config: Config) -> bool:
        """Whether a newer one was told of while this one was under way."""
        return not self._is_kept and config.version <= self.config.version

    def _is_older(self, config: Config) -> bool:
        known = self.source
        is_comparable = known.name in ("server", "disk") and known.environment == config.environment
        if not is_comparable or known.version is None or config.version >= known.version:
            return False
        self._counters.add("configs_refused")
        self._voice.warn(
            "older", "headway: version %s is older than %s in use; kept", config.version, known.version
        )
        return True

    def _still_current(self) -> float:
        if not self._refused_etag:
            self.source = self.source._replace(fetched_at=time.time())
        return self._soon()

    def _take_refusal(self, answer: Answer, key: str) -> float | None:
        """Nothing more is sent with this key; what is in use stays in use."""
        self._counters.add("poll_failures")
        if self._keys.refuse(key):
            self._voice.warn(
                "key", "headway: the server refused the key (%s); flags stay as they are", answer.status
            )
        return _KEY_LOOKED_AT_S

    def _failed(self, reason: str, retry_after_s: float | None = None) -> float:
        self._counters.add("poll_failures")
        self._voice.warn("poll", "headway: no new configuration: %s; flags stay as they are", reason)
        return self._backoff.next_s(retry_after_s)

    def _soon(self) -> float:
        self._backoff.reset()
        return spread(self._poll_s, _JITTER)

    def _use(self, config: Config, name: str, etag: str, fetched_at: float | None) -> None:
        self.config = config
        self.source = Source(name, config.version, config.environment, etag, fetched_at)
        self._counters.add("configs_used")
        self._on_change(config)
        self._is_ready.set()

    def _keep(self, body: bytes, etag: str) -> None:
        if self._cache is None:
            return
        try:
            self._cache.write(body, etag)
        except OSError as error:
            self._voice.warn("cache", "headway: the configuration cannot be kept on disk: %s", error)

    def _refused(self, what: str, error: Exception) -> None:
        self._counters.add("configs_refused")
        self._voice.warn(f"refused {what}", "headway: %s is refused: %s", what, str(error)[:1000])


def _changes_from(source: Source, told: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """The changed flags, when they are changes of the document in use."""
    flags = told.get("flags")
    is_ours = source.name in ("server", "disk") and bool(source.etag) and told.get("before") == source.etag
    return flags if is_ours and isinstance(flags, dict) else None


def written(document: Mapping[str, Any]) -> bytes:
    """A document as JSON, one flag after the other: other threads get their turn in between."""
    rest = {name: part for name, part in document.items() if name != "flags"}
    flags = document["flags"]
    text_of = getattr(flags, "text", lambda key: None)
    parts = (f"{_json(key)}:{text_of(key) or _json(flags[key])}" for key in flags)
    return f'{_json(rest)[:-1]},"flags":{{{",".join(parts)}}}}}'.encode()


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _text_of(document: object) -> bytes:
    """A bootstrap document as JSON text; a mapping is written out, so that what is used is our own copy."""
    if isinstance(document, str):
        return document.encode()
    return bytes(document) if isinstance(document, (bytes, bytearray)) else json.dumps(document).encode()
