"""The forms in which a stored report can be had: one table for the console, the API and share links."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.report import exports, messages, pictures, typesetting


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot: its text as it was stored, what it says, its name, and where the console shows it."""

    text: str
    document: Mapping[str, Any]
    sha256: str
    url: str
    sender: str = "headway@localhost"


@dataclass(frozen=True, slots=True)
class Form:
    """`title` is said in menus."""

    content_type: str
    title: str
    write: Callable[[Stored], str | bytes]


def _text(of: Stored) -> str:
    return of.text


def _markdown(of: Stored) -> str:
    return exports.markdown(of.document, of.sha256)


def _csv(of: Stored) -> str:
    return exports.tidy(of.document, of.sha256)


def _pdf(of: Stored) -> bytes:
    shown = exports.shows_effects(of.document)
    return typesetting.pdf(of.document, of.sha256, show_effects=shown, url=of.url)


def _plain(of: Stored) -> str:
    return messages.plain(of.document, of.sha256, of.url)


def _blocks(of: Stored) -> str:
    return json.dumps(messages.chat(of.document, of.sha256, of.url), ensure_ascii=False, indent=1) + "\n"


def _mail(of: Stored) -> bytes:
    made = messages.mail(of.document, of.sha256, of.url, sender=of.sender)
    made["X-Unsent"] = "1"  # mail programs open the file as a draft
    return bytes(made)


FORMS: dict[str, Form] = {
    "json": Form("application/json", "JSON, the stored text", _text),
    "pdf": Form("application/pdf", "PDF, one page", _pdf),
    "md": Form("text/markdown; charset=utf-8", "Markdown, for a pull request", _markdown),
    "csv": Form("text/csv; charset=utf-8", "CSV, one row per metric, arm and slice", _csv),
    "txt": Form("text/plain; charset=utf-8", "Plain text, for a chat", _plain),
    "blocks.json": Form("application/json", "Chat blocks, for Slack", _blocks),
    "eml": Form("message/rfc822", "Mail, as a draft", _mail),
}

PICTURES: dict[str, tuple[str, Callable[[str], str | bytes]]] = {
    "svg": ("image/svg+xml; charset=utf-8", pictures.standalone),
    "png": ("image/png", typesetting.png),
}
