"""The answer to "what is 100 ms worth on this surface?", for the command, the API, reports and margins."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from analysis.stats.impact.money import Price
from analysis.stats.results import Interval
from impact import asking, commenting, pricing, queries
from impact.grades import Grade
from impact.models import Evidence, Ratio
from ledger.refusals import refuse
from organisation import queries as organisation

MOST_MS = 60_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An amount a year for `ms` of delay, in minor units; negative `ms` is a speed-up."""

    surface: str
    name: str
    ms: float
    price: Price
    currency: str
    grade: Grade
    version: int
    valid_until: date
    per_100_ms: float
    low: float
    high: float
    findings: int
    sentence: str

    def comment(self, link: str = "") -> str:
        """The answer as a comment on a pull request, in Markdown."""
        return commenting.priced(
            surface=self.surface,
            name=self.name,
            ms=self.ms,
            sentence=self.sentence,
            per_100_ms=self.per_100_ms,
            low=self.low,
            high=self.high,
            findings=self.findings,
            version=self.version,
            valid_until=self.valid_until,
            link=link,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "surface": self.surface,
            "name": self.name,
            "ms": self.ms,
            "amount_minor_per_year": self.price.value,
            "low_minor": self.price.confidence_interval.lower,
            "high_minor": self.price.confidence_interval.upper,
            "currency": self.currency,
            "grade": self.grade.value,
            "ratio_version": self.version,
            "valid_until": self.valid_until.isoformat(),
            "relative_change_per_100_ms": self.per_100_ms,
            "relative_low": self.low,
            "relative_high": self.high,
            "findings": self.findings,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no amount, what is known instead, and the smallest study that would give one."""

    surface: str
    name: str
    ms: float
    why: str
    known: tuple[str, ...]
    smallest_studies: tuple[str, ...]

    @property
    def smallest_study(self) -> str:
        """The one with the fewest users: that of the longest delay."""
        return self.smallest_studies[-1] if self.smallest_studies else ""

    def comment(self, link: str = "") -> str:
        """The refusal as a comment on a pull request, in Markdown."""
        return commenting.refused(
            surface=self.surface,
            name=self.name,
            ms=self.ms,
            why=self.why,
            known=list(self.known),
            study=self.smallest_study,
            link=link,
        )

    @property
    def sentence(self) -> str:
        study = f" The smallest study that would: {self.smallest_study}." if self.smallest_study else ""
        return f"No amount for {self.ms:g} ms on {self.surface}: {self.why}.{study}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "surface": self.surface,
            "name": self.name,
            "ms": self.ms,
            "refused": self.why,
            "known": list(self.known),
            "smallest_studies": list(self.smallest_studies),
            "sentence": self.sentence,
        }


def ask(*, surface: str, ms: float, today: date) -> Answer | Refusal:
    """What `ms` more on the surface cost in a year. Raises NotFound for the surface, Refused for the ms."""
    if abs(ms) > MOST_MS:
        why = f"nobody measured beyond {MOST_MS // 1000} seconds"
        raise refuse("ms", ms, why, "Give milliseconds, for example 100 or -50.")
    if not math.isfinite(ms) or ms == 0:
        raise refuse("ms", ms, "this is no delay", "Give milliseconds, for example 100 or -50.")
    name = organisation.surface(surface).name
    ratio = queries.current_ratio(surface, today=today)
    return _refusal(surface, name, ms, today) if ratio is None else answer_of(ratio, name, ms)


def answer_of(ratio: Ratio, name: str, ms: float) -> Answer:
    """The answer that a ratio gives for so many ms; the slope is taken as straight over that range."""
    price = _scaled(ratio, ms / pricing.STEP_MS)
    rows = list(queries.findings().filter(id__in=[int(key) for key in ratio.findings]))
    return Answer(
        surface=ratio.surface.key,
        name=name,
        ms=ms,
        price=price,
        currency=ratio.currency,
        grade=Grade(ratio.grade),
        version=ratio.number,
        valid_until=ratio.valid_until,
        per_100_ms=ratio.per_100_ms,
        low=ratio.low,
        high=ratio.high,
        findings=len(rows),
        sentence=pricing.sentence(
            surface=name,
            ms=ms,
            price=price,
            currency=ratio.currency,
            grade=Grade(ratio.grade),
            dates=_dates(rows),
            units=sum(row.units for row in rows),
        ),
    )


def _scaled(ratio: Ratio, steps: float) -> Price:
    ends = sorted((ratio.price_low_minor * steps, ratio.price_high_minor * steps))
    error = ratio.price_error_minor * abs(steps)
    return Price(ratio.price_minor * steps, error, Interval(*ends), 0.1)


def _dates(rows: list[Evidence]) -> str:
    if not rows:
        return "no dates"
    first, last = min(row.began_on for row in rows), max(row.ended_on for row in rows)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _refusal(surface: str, name: str, ms: float, today: date) -> Refusal:
    model = queries.value_model(surface)
    last = queries.ratios(surface).exclude(state__in=["draft", "rejected"]).first()
    why = "there is no estimate of grade A or B"
    if last is not None:
        ended = last.reason or "it is past its date"
        why = f"its ratio of {last.created_at:%Y-%m-%d} no longer holds ({ended})"
    level = model.outcome_level if model is not None else None
    studies = asking.smallest_studies(level) if level is not None else asking.smallest_studies(TYPICAL_SHARE)
    return Refusal(
        surface=surface,
        name=name,
        ms=ms,
        why=why,
        known=tuple(_known(row) for row in queries.findings(surface=surface)[:5]),
        smallest_studies=tuple(study.words for study in studies),
    )


TYPICAL_SHARE = 0.05
"""Where no value model says otherwise, an outcome that 5 % of users reach."""


def _known(row: Evidence) -> str:
    """A finding that gives no amount, in per cent."""
    return f"{row.title}: {row.per_100_ms:+.2%} per 100 ms, grade {row.grade} ({Grade(row.grade).words})"
