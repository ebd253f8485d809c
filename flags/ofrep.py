"""OpenFeature's remote evaluation protocol (OFREP v1): any OpenFeature client asks, the SDK answers.

Clients get values and reasons, never rules, salts or segments. No HTTP server and no Django here: the edge
routes to `Ofrep` and sends what it returns.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from flags.delivery import Answer, Delivery, KeyRefused, is_known
from headway.evaluation import Config, Evaluation, compile_config

ONE_FLAG = "/ofrep/v1/evaluate/flags/"
ALL_FLAGS = "/ofrep/v1/evaluate/flags"
SCOPES = ("server", "client")
MAX_CONFIGS = 64
REASONS = {
    "DISABLED": "DISABLED",
    "OVERRIDE": "TARGETING_MATCH",
    "TARGETING_MATCH": "TARGETING_MATCH",
    "SPLIT": "SPLIT",
}
"""OpenFeature's words; everything else is its DEFAULT, and the exact reason stands in the metadata."""
JSON = {"content-type": "application/json", "cache-control": "no-store"}

Context = dict[str, Any]


class _NotUnderstood(Exception):
    """The request cannot be evaluated; `code` is OFREP's."""

    def __init__(self, code: str, details: str) -> None:
        self.code, self.details = code, details
        super().__init__(details)


class Ofrep:
    """Answers for one process; compiled configurations are kept until their documents change."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._configs: dict[int, tuple[str, Config]] = {}

    async def one(self, key: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
        """POST /ofrep/v1/evaluate/flags/{key}."""
        try:
            _, config = await self._config(headers, now)
            context = read_context(body)
            content = evaluated(config, key, context)
        except KeyRefused as refused:
            return refused.as_answer()
        except _NotUnderstood as wrong:
            content = _failed(key, wrong.code, wrong.details)
        return _answer(content)

    async def all(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
        """POST /ofrep/v1/evaluate/flags: every flag of the environment; 304 when nothing can have changed.

        The ETag covers the configuration and the context: another context is never taken for this one.
        """
        try:
            etag, config = await self._config(headers, now)
            context = read_context(body)
        except KeyRefused as refused:
            return refused.as_answer()
        except _NotUnderstood as wrong:
            details = {"errorCode": wrong.code, "errorDetails": wrong.details}
            return Answer(400, JSON, msgspec.json.encode(details))
        tag = _tag(etag, context)
        cached = {**JSON, "etag": tag, "cache-control": "private, no-cache"}
        if is_known(tag, headers.get("if-none-match", "")):
            return Answer(304, cached, b"")
        flags = [evaluated(config, key, context) for key in config.document["flags"]]
        return Answer(200, cached, msgspec.json.encode({"flags": flags}))

    async def _config(self, headers: Mapping[str, str], now: datetime) -> tuple[str, Config]:
        key = await self._delivery.key(_authorization(headers), scopes=SCOPES, now=now)
        document = await self._delivery.document(key.environment_id)
        kept = self._configs.get(key.environment_id)
        if kept is not None and kept[0] == document.etag:
            return kept
        previous = kept[1] if kept else None
        made = document.etag, compile_config(msgspec.json.decode(document.body), previous)
        if len(self._configs) >= MAX_CONFIGS:
            self._configs.clear()
        self._configs[key.environment_id] = made
        return made


def evaluated(config: Config, key: str, context: Context) -> dict[str, Any]:
    """One flag's answer, or its error, as OFREP writes them. Variant and reason are always there."""
    unit = context.get("targetingKey")
    found = config.evaluate(key, unit, context)
    if found.reason == "FLAG_NOT_FOUND":
        return _failed(key, "FLAG_NOT_FOUND", f"there is no flag {key} in {config.environment}")
    if found.reason == "UNIT_MISSING":
        why = f"the flag decides for each {found.unit_type}: {found.detail}"
        return _failed(key, "TARGETING_KEY_MISSING", why)
    if found.reason == "ERROR":
        return _failed(key, "GENERAL", found.detail)
    answer = {
        "key": key,
        "reason": REASONS.get(found.reason, "DEFAULT"),
        "variant": found.variant or "",
        "metadata": _metadata(found),
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


def _metadata(found: Evaluation) -> dict[str, Any]:
    """What a flag's metadata may hold: texts and numbers only."""
    told = {
        "reason": found.reason,
        "rule": found.rule,
        "experiment": found.experiment,
        "version": found.version,
        "unitType": found.unit_type,
    }
    return {name: value for name, value in told.items() if value is not None}


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
