"""OpenFeature's remote evaluation protocol (OFREP v1): any OpenFeature client asks, the SDK answers.

Clients get values and reasons, never rules, salts or segments; keys of scope client only for flags that are
client-side, and without the names of rules. No HTTP server and no Django here: the edge routes to `Ofrep` and
sends what it returns.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from flags.delivery import Answer, Delivery, Document, KeyRefused, KeyRow, is_known
from flags.sightings import Sightings
from headway.evaluation import Config, Evaluation, compile_config

ONE_FLAG = "/ofrep/v1/evaluate/flags/"
ALL_FLAGS = "/ofrep/v1/evaluate/flags"
SCOPES = ("server", "client")
MAX_CONFIGS = 64
INACTIVITY_S = 120
"""How long a page may stay hidden before its client lets go of the stream."""
REASONS = {
    "DISABLED": "DISABLED",
    "OVERRIDE": "TARGETING_MATCH",
    "TARGETING_MATCH": "TARGETING_MATCH",
    "SPLIT": "SPLIT",
}
"""OpenFeature's words; everything else is its DEFAULT, and the exact reason stands in the metadata."""
JSON = {"content-type": "application/json", "cache-control": "no-store"}

PASSING = {"FLAG_NOT_FOUND", "UNIT_MISSING", "ERROR"}
"""Answers that are made for one question, and are not worth keeping."""

Context = dict[str, Any]
Written = dict[int, tuple[Evaluation, msgspec.Raw]]


class _NotUnderstood(Exception):
    """The request cannot be evaluated; `code` is OFREP's."""

    def __init__(self, code: str, details: str) -> None:
        self.code, self.details = code, details
        super().__init__(details)


@dataclass(frozen=True, slots=True)
class Served:
    """What one key is answered from. `flags` are all it may ask for.

    `written` holds answers as they go over the wire, by the identity of the evaluation that each of them is:
    a configuration hands out the same few again and again, and writing them costs more than deciding.
    """

    etag: str
    config: Config
    flags: Iterable[str]
    written: Written
    is_client: bool = False

    def all(self, context: Context) -> list[msgspec.Raw]:
        """The answer of every flag."""
        return [self._one(key, context) for key in self.flags]

    def _one(self, key: str, context: Context) -> msgspec.Raw:
        found = self.config.evaluate(key, context.get("targetingKey"), context)
        known = self.written.get(id(found))
        if known is not None and known[0] is found:
            return known[1]
        raw = msgspec.Raw(msgspec.json.encode(_said(found, self.config, is_client=self.is_client)))
        if found.reason not in PASSING:
            self.written[id(found)] = found, raw
        return raw

    def evaluated(self, key: str, context: Context) -> dict[str, Any]:
        """One flag's answer, or its error, as OFREP writes them."""
        if self.is_client and key not in self.flags:
            return _not_found(key, self.config)
        return evaluated(self.config, key, context, is_client=self.is_client)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A document ready to be asked, and what of its answers is written already, for either kind of key."""

    etag: str
    config: Config
    for_servers: Written = field(default_factory=dict)
    for_clients: Written = field(default_factory=dict)


class Ofrep:
    """Answers for one process; compiled configurations are kept until their documents change.

    `sightings` is told of every flag that is asked for by name; asking for all of them says nothing.
    """

    def __init__(self, delivery: Delivery, sightings: Sightings, stream_path: str) -> None:
        self._delivery = delivery
        self._sightings = sightings
        self._stream_path = stream_path
        self._configs: dict[int, Compiled] = {}

    async def one(self, key: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
        """POST /ofrep/v1/evaluate/flags/{key}."""
        try:
            asker = await self._asker(headers, now)
            served = await self._served(asker)
            content = served.evaluated(key, read_context(body))
        except KeyRefused as refused:
            return refused.as_answer()
        except _NotUnderstood as wrong:
            content = _failed(key, wrong.code, wrong.details)
        else:
            if content.get("errorCode") != "FLAG_NOT_FOUND":
                self._sightings.note(asker.environment_id, key)
        return _answer(content)

    async def all(
        self, headers: Mapping[str, str], body: bytes, *, now: datetime, wanted: str = ""
    ) -> Answer:
        """POST /ofrep/v1/evaluate/flags: every flag the key may ask for; 304 when nothing can have changed.

        The ETag covers the configuration and the context: another context is never taken for this one.
        `wanted` is the ETag of a notice that made the client ask again.
        """
        try:
            asker = await self._asker(headers, now)
            served = await self._served(asker, wanted)
            context = read_context(body)
        except KeyRefused as refused:
            return refused.as_answer()
        except _NotUnderstood as wrong:
            details = {"errorCode": wrong.code, "errorDetails": wrong.details}
            return Answer(400, JSON, msgspec.json.encode(details))
        tag = _tag(f"{asker.scope}{served.etag}", context)
        cached = {**JSON, "etag": tag, "cache-control": "private, no-cache", "vary": "authorization"}
        if is_known(tag, headers.get("if-none-match", "")):
            return Answer(304, cached, b"")
        told = {"flags": served.all(context), "eventStreams": [self._stream(asker)]}
        return Answer(200, cached, msgspec.json.encode(told))

    async def _asker(self, headers: Mapping[str, str], now: datetime) -> KeyRow:
        return await self._delivery.key(_authorization(headers), scopes=SCOPES, now=now)

    async def _served(self, asker: KeyRow, wanted: str = "") -> Served:
        document = await self._delivery.document(asker.environment_id, wanted)
        kept = self._configs.get(asker.environment_id)
        if kept is None or kept.etag != document.etag:
            kept = self._compiled(asker.environment_id, document, kept)
        if asker.scope == "client":
            return Served(kept.etag, kept.config, document.client_flags, kept.for_clients, is_client=True)
        return Served(kept.etag, kept.config, kept.config.document["flags"], kept.for_servers)

    def _compiled(self, environment_id: int, document: Document, kept: Compiled | None) -> Compiled:
        content = msgspec.json.decode(document.body)
        made = Compiled(document.etag, compile_config(content, kept.config if kept else None))
        if len(self._configs) >= MAX_CONFIGS:
            self._configs.clear()
        self._configs[environment_id] = made
        return made

    def _stream(self, asker: KeyRow) -> dict[str, Any]:
        """Where changes are told; the address holds a ticket, because browsers send no key with it."""
        where = f"{self._stream_path}?ticket={self._delivery.ticket(asker)}"
        return {"type": "sse", "endpoint": {"requestUri": where}, "inactivityDelaySec": INACTIVITY_S}


def evaluated(config: Config, key: str, context: Context, *, is_client: bool = False) -> dict[str, Any]:
    """One flag's answer, or its error, as OFREP writes them. Variant and reason are always there."""
    found = config.evaluate(key, context.get("targetingKey"), context)
    return _said(found, config, is_client=is_client)


def _said(found: Evaluation, config: Config, *, is_client: bool) -> dict[str, Any]:
    """A client is not told the names of rules, nor what a refusal to decide was about."""
    key = found.flag
    if found.reason == "FLAG_NOT_FOUND":
        return _not_found(key, config)
    if found.reason == "UNIT_MISSING":
        about = "it is missing or no text" if is_client else found.detail
        return _failed(key, "TARGETING_KEY_MISSING", f"the flag decides for each {found.unit_type}: {about}")
    if found.reason == "ERROR":
        return _failed(key, "GENERAL", "the flag could not be evaluated" if is_client else found.detail)
    answer = {
        "key": key,
        "reason": REASONS.get(found.reason, "DEFAULT"),
        "variant": found.variant or "",
        "metadata": _metadata(found, is_client=is_client),
    }
    if found.variant is not None:
        answer["value"] = found.value
    return answer


def read_context(body: bytes) -> Context:
    """The evaluation context of a request; none is an empty one. Raises when it cannot be understood."""
    try:
        content = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _NotUnderstood("PARSE_ERROR", f"the body is no JSON: {error}") from None
    context = content.get("context") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(context, dict | None):
        raise _NotUnderstood("INVALID_CONTEXT", 'the body reads {"context": {"targetingKey": "…"}}')
    found: Context = context or {}
    if not isinstance(found.get("targetingKey", ""), str):
        raise _NotUnderstood("INVALID_CONTEXT", "targetingKey is a text")
    return found


def _metadata(found: Evaluation, *, is_client: bool) -> dict[str, Any]:
    """What a flag's metadata may hold: texts, numbers, truth values. `exposure` asks for one to be sent."""
    told = {
        "reason": found.reason,
        "rule": None if is_client else found.rule,
        "experiment": found.experiment,
        "version": found.version,
        "unitType": found.unit_type,
        "unitFrom": found.unit_from,
        "exposure": found.seen is not None or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _not_found(key: str, config: Config) -> dict[str, Any]:
    return _failed(key, "FLAG_NOT_FOUND", f"there is no flag {key} in {config.environment}")


def _failed(key: str, code: str, details: str) -> dict[str, Any]:
    return {"key": key, "errorCode": code, "errorDetails": details}


def _answer(content: dict[str, Any]) -> Answer:
    code = content.get("errorCode")
    status = 200 if code is None else 404 if code == "FLAG_NOT_FOUND" else 400
    return Answer(status, JSON, msgspec.json.encode(content))


def _authorization(headers: Mapping[str, str]) -> str | None:
    """OFREP knows two ways to send a key."""
    return headers.get("authorization") or (
        f"Bearer {headers['x-api-key']}" if "x-api-key" in headers else None
    )


def _tag(etag: str, context: Context) -> str:
    content = msgspec.json.encode(context, order="deterministic")
    return f'"{hashlib.sha256(etag.encode() + content).hexdigest()[:32]}"'
