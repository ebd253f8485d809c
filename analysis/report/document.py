"""One look as one document: everything the page, the print-out, Markdown, CSV and mail show, and its hash.

`build` is pure; `serialise` gives the canonical text whose SHA-256 names the snapshot. Pages render from that
text alone, so that no channel can show a number the hash does not cover.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from analysis.report import (
    bar,
    bayesian,
    blocks,
    calibration,
    effects,
    histograms,
    method,
    numbers,
    progress,
    rows,
    wording,
)
from analysis.report.facts import ReportFacts
from analysis.report.verdict import ORDER, ArmVerdict, Conclusion, Step, Verdict, conclude
from analysis.report.vocabulary import VERDICTS

SCHEMA = 1
"""Raised when a field changes its meaning or goes away; new fields keep it."""

SNAPSHOT_WORDS = 2
"""The page adds "snapshot" and its hash to the bar, which the document cannot hold."""

FOLD_HEADINGS = "We tried Trust"
HIDES_EFFECTS = frozenset({Verdict.DO_NOT_USE})


def build(facts: ReportFacts, *, prev_sha256: str, created_at: datetime) -> dict[str, Any]:
    """The document of one look. `prev_sha256` is the snapshot before it ("" for the first)."""
    conclusion = conclude(facts)
    results, axes = rows.results(facts, conclusion)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "experiment": _experiment(facts),
        "look": _look(facts),
        "created_at": created_at.astimezone(UTC).isoformat(),
        "prev_sha256": prev_sha256,
        "effects_hidden": conclusion.verdict in HIDES_EFFECTS,
        "blind_until": _blind_until(facts, conclusion),
        "question": blocks.question(facts),
        "arms": blocks.arms(facts),
        "trust": blocks.trust(facts),
        "results": results,
        "axes": axes,
        "monitored": rows.monitored(results),
        "curves": blocks.curves(facts),
        "histograms": histograms.histograms(facts),
        "slices": blocks.slices(facts, conclusion),
        "worth": blocks.worth(facts, made_at=created_at),
        "decision": _decision(conclusion),
        "method": method.method(facts, conclusion),
        "calibration": calibration.calibration(facts),
    }
    posterior = bayesian.read_out(facts)
    if posterior is not None:
        found["posterior"] = posterior
    found["verdict"] = _verdict(facts, conclusion, found["worth"])
    _fold(found)
    return found


def serialise(document: Mapping[str, Any]) -> tuple[str, str]:
    """(canonical text, its SHA-256). The same document gives the same text on every machine."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text, hashlib.sha256(text.encode()).hexdigest()


def read(text: str) -> dict[str, Any]:
    """A stored document."""
    found: dict[str, Any] = json.loads(text)
    return found


def _experiment(facts: ReportFacts) -> dict[str, Any]:
    about, plan = facts.experiment, facts.plan
    return {
        "key": plan.experiment,
        "title": about.title,
        "owner": about.owner,
        "kind": about.kind,
        "flag": plan.flag,
        "environment": plan.environment,
        "plan_version": plan.version,
        "plan_sha256": plan.sha256,
        "control": plan.control,
        "treatments": [arm.key for arm in plan.treatments],
        "started_at": None if plan.started_at is None else plan.started_at.isoformat(),
        "stopped_at": None if plan.stopped_at is None else plan.stopped_at.isoformat(),
        "min_days": plan.min_days,
        "max_days": plan.max_days,
    }


def _look(facts: ReportFacts) -> dict[str, Any]:
    planned = facts.plan.looks
    of = "" if planned is None else f" of {numbers.count(planned)}"
    cut = facts.data_until.astimezone(UTC)
    return {
        "number": facts.look,
        "planned": planned,
        "text": f"look {numbers.count(facts.look)}{of}",
        "data_until": cut.isoformat(),
        "date": f"{cut:%Y-%m-%d}",
        "data_until_text": f"{cut:%Y-%m-%d %H:%M} UTC",
        "is_over": effects.is_over(facts),
        "information_share": facts.information_share,
        "information_text": "" if facts.information_share is None else _share(facts.information_share),
    }


def _share(value: float) -> str:
    return numbers.share(round(value, 2))


def _blind_until(facts: ReportFacts, conclusion: Conclusion) -> str | None:
    """Until when results are hidden from everybody but the owner: the minimum duration. Harm and broken
    data are never hidden."""
    is_early = any(arm.case.is_too_early for arm in conclusion.arms)
    if conclusion.verdict is not Verdict.KEEP_RUNNING or not is_early:
        return None
    ends = progress.minimum_ends(facts)
    return None if ends is None else f"{ends.astimezone(UTC):%Y-%m-%d}"


def _verdict(facts: ReportFacts, conclusion: Conclusion, worth: Mapping[str, Any]) -> dict[str, Any]:
    sign = bar.sign(conclusion)
    about, look = facts.experiment, _look(facts)
    meta = [facts.plan.experiment, f"owner {about.owner or 'nobody'}", look["text"], look["date"]]
    money = _money(facts, conclusion, worth)
    used = wording.words(" ".join([sign.word, money, *meta])) + SNAPSHOT_WORDS
    said = bar.say(facts, conclusion)
    return {
        "code": conclusion.verdict.value,
        "word": sign.word.upper(),
        "glyph": sign.glyph,
        "mark": sign.mark,
        "tone": sign.tone,
        "sentences": wording.fit(said, wording.BAR_WORDS - used),
        "all_sentences": said,
        "worth": money,
        "meta": meta,
        "arms": [_arm_verdict(arm) for arm in conclusion.arms],
    }


def _money(facts: ReportFacts, conclusion: Conclusion, worth: Mapping[str, Any]) -> str:
    """The measured range, where effects may be seen at all."""
    is_hidden = conclusion.verdict in HIDES_EFFECTS or _blind_until(facts, conclusion) is not None
    return f"Worth {worth['measured']['text']}." if worth["measured"] and not is_hidden else ""


def _arm_verdict(arm: ArmVerdict) -> dict[str, Any]:
    sign = VERDICTS[arm.verdict]
    return {"arm": arm.case.arm, "code": arm.verdict.value, "word": sign.word.upper(), "tone": sign.tone}


def _decision(conclusion: Conclusion) -> dict[str, Any]:
    rule = conclusion.rule
    return {
        "rule": rule.name,
        "rule_version": rule.version,
        "rule_text": f"{rule.name} v{rule.version}",
        "recommended": conclusion.verdict.value,
        "order": [verdict.value for verdict in ORDER],
        "arms": [
            {"arm": arm.case.arm, "verdict": arm.verdict.value, "trace": [_step(step) for step in arm.trace]}
            for arm in conclusion.arms
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "verdict": step.verdict.value,
        "question": step.question,
        "holds": step.answer.holds,
        "word": "yes" if step.answer.holds else "no",
        "because": list(step.answer.because),
    }


def _fold(found: dict[str, Any]) -> None:
    """Fit the question into what verdict and trust leave of the words above the fold."""
    asked = found["question"]
    asked["facts"] = blocks.facts_line(asked)
    others = [*bar_texts(found), *trust_texts(found), asked["facts"], FOLD_HEADINGS]
    left = wording.FOLD_WORDS - SNAPSHOT_WORDS - sum(map(wording.words, others))
    asked["short"] = blocks.short(asked, left)


def bar_texts(found: Mapping[str, Any]) -> list[str]:
    """Every text of the verdict bar but the hash."""
    said = found["verdict"]
    return [said["word"], *said["sentences"], said["worth"], *said["meta"]]


def trust_texts(found: Mapping[str, Any]) -> list[str]:
    checks: Iterable[Mapping[str, Any]] = found["trust"]["checks"]
    return [found["trust"]["text"], *(f"{check['label']} {check['word']}" for check in checks)]
