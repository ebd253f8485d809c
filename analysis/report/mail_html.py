"""A stored report as the HTML of a mail: tables and styles inside the tags, which is what mail programs read.

Everything that people wrote is escaped here. Texts are the document's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from analysis.report import exports
from analysis.report.pictures import LIGHT, STATE_OF_TONE

Document = Mapping[str, Any]

_BODY = (
    f"margin:0;padding:16px;background:{LIGHT['sunken']};color:{LIGHT['ink']};"
    "font:15px/1.45 -apple-system,'Segoe UI',Roboto,Arial,sans-serif"
)
_SHEET = f"max-width:680px;margin:0 auto;background:{LIGHT['surface']};border:1px solid {LIGHT['line']}"
_MUTED = f"color:{LIGHT['muted']};font-size:13px"
_CELL = f"padding:6px 8px;border-top:1px solid {LIGHT['line']};text-align:left;vertical-align:top"
_BUTTON = (
    f"display:inline-block;padding:8px 16px;background:{LIGHT['accent']};color:#ffffff;"
    "text-decoration:none;border-radius:6px;font-weight:600"
)


def html(document: Document, sha256: str, url: str, *, picture: str = "") -> str:
    """The whole body. `picture` is where the PNG of the results lies ("" for none)."""
    parts = [
        _verdict(document, sha256),
        _paragraphs(document),
        *_results(document, picture),
        _button(url),
        _line(document["method"]["small_print"] if exports.shows_effects(document) else ""),
        _line(f"sha256 {sha256}"),
    ]
    title = escape(f"{document['verdict']['word']}: {document['experiment']['title']}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="{_BODY}"><div style="{_SHEET}">{"".join(parts)}</div></body></html>'
    )


def _button(url: str) -> str:
    link = f'<a href="{escape(url, quote=True)}" style="{_BUTTON}">Open the report</a>'
    return f'<p style="margin:20px">{link}</p>'


def colour(tone: str) -> str:
    return LIGHT[STATE_OF_TONE[tone]]


def _verdict(document: Document, sha256: str) -> str:
    verdict, tone = document["verdict"], colour(document["verdict"]["tone"])
    said = [*verdict["sentences"], *([verdict["worth"]] if verdict["worth"] else [])]
    lead, rest = escape(said[0]), "".join(f'<p style="margin:4px 0">{escape(each)}</p>' for each in said[1:])
    meta = escape(" · ".join(verdict["meta"]))
    return (
        f'<div style="padding:16px 20px;border-left:6px solid {tone}">'
        f'<p style="margin:0;color:{LIGHT["muted"]}">{escape(document["experiment"]["title"])}</p>'
        f'<h1 style="margin:2px 0 6px;font-size:24px;color:{tone}">{verdict["mark"]} {verdict["word"]}</h1>'
        f'<p style="margin:4px 0;font-size:17px;font-weight:600">{lead}</p>{rest}'
        f'<p style="margin:8px 0 0;{_MUTED}">{meta} · snapshot {sha256[:12]}</p></div>'
    )


def _paragraphs(document: Document) -> str:
    asked, trust = document["question"], document["trust"]
    chips = ", ".join(f"{check['mark']} {check['label']} {check['word']}" for check in trust["checks"])
    found = [
        f"<strong>We tried</strong> {escape(asked['sentence'])}",
        f'<span style="{_MUTED}">{escape(asked["facts"])}</span>',
        f"<strong>Trust</strong> {escape(trust['text'])}: {escape(chips)}",
        *(
            f"<strong>{check['label']} {check['word']}:</strong> {escape(check['detail'])}"
            for check in trust["checks"]
            if check["status"] != "ok"
        ),
    ]
    return "".join(f'<p style="margin:8px 20px">{text}</p>' for text in found)


def _results(document: Document, picture: str) -> Iterator[str]:
    if not exports.shows_effects(document):
        yield _line(exports.why_hidden(document))
        return
    rows = "".join(
        _row(document, row, arm)
        for row in document["results"]
        if row["block"] != "monitored"
        for arm in row["arms"]
    )
    head = "".join(
        f'<th scope="col" style="{_CELL};border-top:0;{_MUTED}">{name}</th>'
        for name in ("Metric", "Change (plausible range)", "State")
    )
    style = "margin:12px 12px;border-collapse:collapse;width:96%"
    yield f'<table role="presentation" style="{style}"><tr>{head}</tr>{rows}</table>'
    yield _line(document["monitored"]["text"])
    if picture:
        yield (
            f'<img src="{escape(picture, quote=True)}" width="656" style="width:96%;margin:4px 12px" '
            'alt="The plausible range of every result against zero and its limit; right is better.">'
        )
    yield _line(_slices(document))
    yield _line(f"Worth: {document['worth']['text']}")
    yield _posterior(document)


def _posterior(document: Document) -> str:
    """The Bayesian read-out, where the plan asks for one."""
    lines = exports.posterior_lines(document)
    if not lines:
        return ""
    rows = "".join(f'<li style="margin:2px 0">{escape(line)}</li>' for line in lines[:-1])
    head = '<p style="margin:12px 20px 0"><strong>As a posterior</strong></p>'
    return f'{head}<ul style="margin:4px 20px;padding-left:18px">{rows}</ul>{_line(lines[-1])}'


def _row(document: Document, row: Mapping[str, Any], arm: Mapping[str, Any]) -> str:
    is_multi_arm, change = len(document["experiment"]["treatments"]) > 1, arm["change"]
    name = escape(row["title"]) + (f", {escape(arm['arm'])}" if is_multi_arm else "")
    limit = row["margin"]["text"] if row["margin"] else ""
    under = f'<br><span style="{_MUTED}">limit {escape(limit)}</span>' if limit else ""
    said = f"<strong>{escape(change['point'])}</strong> ({escape(change['span'])})"
    note = f'<br><span style="{_MUTED}">{escape(arm["note"])}</span>' if arm["note"] else ""
    state = f'<strong style="color:{colour(arm["tone"])}">{arm["mark"]} {arm["word"]}</strong>{note}'
    cells = (f"{name}{under}", said if change["point"] else "no number", state)
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"


def _slices(document: Document) -> str:
    flagged = [
        f"{row['dimension']} {row['level']}: {row['title']} {row['text']}."
        for row in document["slices"]["flagged"]
    ]
    return " ".join([document["slices"]["text"], *flagged])


def _line(text: str) -> str:
    return f'<p style="margin:8px 20px;overflow-wrap:anywhere;{_MUTED}">{escape(text)}</p>' if text else ""
