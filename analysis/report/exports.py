"""A stored document as Markdown for a pull request and as tidy CSV. Pure; nothing is computed here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.spreadsheets import inert

Document = Mapping[str, Any]

COLUMNS = (
    "experiment",
    "look",
    "data_until",
    "snapshot",
    "metric",
    "metric_version",
    "role",
    "arm",
    "dimension",
    "level",
    "inference",
    "units",
    "units_control",
    "units_treatment",
    "value_control",
    "value_treatment",
    "difference",
    "low",
    "high",
    "p_value",
    "standard_error",
    "lift",
    "lift_low",
    "lift_high",
    "adjusted_p",
    "margin",
    "state",
    "why",
    "probability_positive",
)


def markdown(document: Document, sha256: str) -> str:
    """The report as a comment of a pull request: verdict, checks, results, method."""
    verdict, about = document["verdict"], document["experiment"]
    lines = [
        f"## {verdict['mark']} {verdict['word']}: {_plain(about['title'])}",
        "",
        *(f"{_plain(sentence)}  " for sentence in verdict["sentences"]),
        *([verdict["worth"]] if verdict["worth"] else []),
        "",
        f"{' · '.join(map(_plain, verdict['meta']))} · snapshot `{sha256[:12]}`",
        "",
        f"**We tried** {_plain(document['question']['sentence'])} {document['question']['facts']}.",
        "",
        f"**Trust** {document['trust']['text']}: {_checks(document)}",
        *_concerns(document),
        "",
        *(_results(document) if shows_effects(document) else [why_hidden(document), ""]),
        f"**Method** {_plain(document['method']['line'])}",
        "",
        f"`sha256 {sha256}`",
    ]
    return "\n".join(lines) + "\n"


def shows_effects(document: Document) -> bool:
    """May effects be written where nobody knows who will read them?"""
    return not (document["effects_hidden"] or document["blind_until"])


def why_hidden(document: Document) -> str:
    until = document["blind_until"]
    why = f"before the minimum duration ends on {until}" if until else "while the data cannot be trusted"
    return f"Effects are not shown {why}; they are in the JSON."


def posterior_rows(document: Document) -> list[Mapping[str, Any]]:
    """The Bayesian read-out, one row per metric and arm; none where the plan asks for none."""
    return list(document.get("posterior", {}).get("rows", ()))


def posterior_lines(document: Document) -> list[str]:
    """The same in words, with what it rests on at the end; nothing where the plan asks for none."""
    if "posterior" not in document:
        return []
    is_multi_arm = len(document["experiment"]["treatments"]) > 1
    lines = [
        f"{row['title']}{', ' + row['arm'] if is_multi_arm else ''}: {row['change_text']} "
        f"({row['range_text']}), above zero with probability {row['probability_text']}"
        for row in posterior_rows(document)
    ]
    return [*(lines or ["No relative change can be read yet."]), document["posterior"]["text"]]


def _checks(document: Document) -> str:
    return " · ".join(
        f"{check['mark']} {check['label']} {check['word']}" for check in document["trust"]["checks"]
    )


def _concerns(document: Document) -> Iterator[str]:
    for check in document["trust"]["checks"]:
        if check["status"] != "ok":
            yield f"- {check['label']} {check['word']}: {_plain(check['detail'])}"


def _results(document: Document) -> list[str]:
    control = _plain(document["experiment"]["control"])
    head = ["Metric", "Arm", control, "Treatment", "Change", "Plausible range", "Limit", "State"]
    rows = [
        _result(row, arm) for row in document["results"] if row["block"] != "monitored" for arm in row["arms"]
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    if document["monitored"]["text"]:
        lines += ["", document["monitored"]["text"]]
    return [
        *lines,
        "",
        *(
            f"- {_plain(curve['title'])} by quantile ({_plain(curve['arm'])}): {curve['text']}"
            for curve in document["curves"]
        ),
        f"**Who is hit** {_plain(document['slices']['text'])} {_flagged(document)}".rstrip(),
        "",
        f"**Worth** {document['worth']['text']}",
        "",
        f"_{document['method']['small_print']}_",
        "",
        *_posterior(document.get("posterior")),
    ]


def _posterior(found: Mapping[str, Any] | None) -> list[str]:
    """The Bayesian read-out, where the plan asks for one."""
    if found is None:
        return []
    if not found["rows"]:
        return [f"**As a posterior** No relative change can be read yet. {_plain(found['text'])}", ""]
    rows = [
        f"- {_plain(row['title'])} ({_plain(row['arm'])}): {row['change_text']} ({row['range_text']}), "
        f"above zero with probability {_plain(row['probability_text'])}"
        for row in found["rows"]
    ]
    return [f"**As a posterior** {_plain(found['text'])}", "", *rows, ""]


def _result(row: Mapping[str, Any], arm: Mapping[str, Any]) -> list[str]:
    return [
        _plain(f"{row['title']} [{row['tier_badge']}]"),
        _plain(arm["arm"]),
        _plain(row["control"]["text"]),
        _plain(arm["text"]),
        _plain(arm["change"]["point"] or f"no number, {arm['note']}"),
        _plain(arm["change"]["span"]),
        _plain(row["margin"]["text"] if row["margin"] else ""),
        _plain(f"{arm['mark']} {arm['word']}"),
    ]


def _flagged(document: Document) -> str:
    return " ".join(
        f"{_plain(row['dimension'])} {_plain(row['level'])}: {_plain(row['title'])} {_plain(row['text'])}."
        for row in document["slices"]["flagged"]
    )


def _plain(text: str) -> str:
    """No Markdown, no HTML, no new cells and no new lines out of names that people chose."""
    line = " ".join(text.splitlines())
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]|~#" else letter for letter in line)
    return " ".join(escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split(" "))


def tidy(document: Document, sha256: str) -> str:
    """One row per metric, arm, slice and look, for both kinds of inference."""
    return tidy_all([(document, sha256)])


def tidy_all(documents: Iterable[tuple[Document, str]]) -> str:
    """The same over several looks."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n", restval="")
    writer.writeheader()
    for document, sha256 in documents:
        for row in _tidy(document, sha256):
            writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _tidy(document: Document, sha256: str) -> Iterator[dict[str, Any]]:
    look = {
        "experiment": document["experiment"]["key"],
        "look": document["look"]["number"],
        "data_until": document["look"]["data_until"],
        "snapshot": sha256,
    }
    for row in document["results"]:
        for arm in row["arms"]:
            for inference in ("always_valid", "fixed"):
                yield {**look, **_overall(row, arm, inference)}
    for row in document["slices"]["rows"]:
        yield {**look, **_sliced(row)}
    for row in posterior_rows(document):
        yield {**look, **_believed(row)}


def _overall(row: Mapping[str, Any], arm: Mapping[str, Any], inference: str) -> dict[str, Any]:
    found = arm[inference]
    lift = found["lift"] or {}
    return {
        "metric": row["metric"],
        "metric_version": row["version"],
        "role": row["role"],
        "arm": arm["arm"],
        "inference": inference,
        "units": row["control"]["units"] + arm["units"],
        "units_control": row["control"]["units"],
        "units_treatment": arm["units"],
        "value_control": row["control"]["value"],
        "value_treatment": arm["value"],
        **{name: found[name] for name in ("difference", "low", "high", "p_value", "standard_error", "why")},
        "lift": lift.get("difference"),
        "lift_low": lift.get("low"),
        "lift_high": lift.get("high"),
        "adjusted_p": arm["adjusted_p"],
        "margin": row["margin"]["in_unit"] if row["margin"] else None,
        "state": arm["state"],
    }


def _sliced(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("metric", "arm", "dimension", "level", "difference", "low", "high", "p_value", "standard_error")
    return {
        **{name: row[name] for name in names},
        "inference": "slice",
        "units": row["units"],
        "adjusted_p": row["adjusted_p"],
        "state": "flagged" if row["flagged"] else "not_flagged",
        "why": row["why"],
    }


def _believed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A posterior: of the relative change, with its credible range."""
    return {
        "metric": row["metric"],
        "arm": row["arm"],
        "inference": "bayesian",
        "lift": row["mean"],
        "lift_low": row["low"],
        "lift_high": row["high"],
        "probability_positive": row["probability_positive"],
    }


def _cell(value: Any) -> Any:
    """Texts that a spreadsheet would run get a quote in front; numbers are written in full."""
    if value is None:
        return ""
    if isinstance(value, str):
        return inert(value)
    return repr(value) if isinstance(value, float) else value
