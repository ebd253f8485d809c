"""From a file to the facts of a report: the pipeline of a look with a plan made on the spot."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analysis import looks, pipeline
from analysis.adhoc import metrics, notes, table
from analysis.adhoc.metrics import Wanted
from analysis.adhoc.table import Columns, Source
from analysis.engines.duckdb import DuckDBEngine
from analysis.health import DataFlow
from analysis.pipeline import Outcome
from analysis.plan import analysis_plan
from analysis.report import document, exports
from analysis.report.facts import ExperimentFacts
from experiments.plan import (
    WHOLE_PPM,
    ArmRole,
    Hypothesis,
    Inference,
    LockedPlan,
    PlannedArm,
)
from ledger.refusals import raise_if_any, refuse
from metrics.definitions import Amount
from metrics.reading import meant

ONE_DAY = timedelta(days=1)
UNKNOWN = datetime(2000, 1, 1, tzinfo=UTC)
MAX_ARMS = 10
SHOWN_ARMS = 12
CONTROLS = ("control", "off", "a", "0", "false")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a file, or of a table in memory (pyarrow, or a data frame of pandas or polars).

    `shares` are planned shares by arm, equal ones where none are given. `before` names for a metric's column
    the column with the same units' values before the experiment. `at` is the time of a table in memory.
    """

    file: Path | object
    unit: str
    arm: str
    metrics: tuple[str, ...]
    control: str = ""
    slices: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    alpha: float = 0.05
    before: Mapping[str, str] = field(default_factory=dict)
    at: datetime = UNKNOWN

    @property
    def name(self) -> str:
        return self.file.name if isinstance(self.file, Path) else "table"

    @property
    def until(self) -> datetime:
        """When the data end: the file's own time."""
        if not isinstance(self.file, Path):
            return self.at
        return datetime.fromtimestamp(int(self.file.stat().st_mtime), tz=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """The report's document, how many rows named no unit or no arm, and `notes` on what the table holds that
    a report cannot know. Notebooks show it as the report with the notes below."""

    document: dict[str, Any]
    outcome: Outcome
    left_out: int
    notes: tuple[str, ...] = ()

    @property
    def markdown(self) -> str:
        """The report as text, the same that the command prints."""
        _, sha256 = document.serialise(self.document)
        return exports.markdown(self.document, sha256)

    def _repr_markdown_(self) -> str:
        return self.markdown + "".join(f"\n- {note}" for note in self.notes)

    def __str__(self) -> str:
        return self.markdown


def answer(question: Question) -> Answer:
    """Raises Refused when the question does not fit the file."""
    if not 0 < question.alpha < 0.5:
        raise refuse("alpha", question.alpha, "it lies between 0 and 0.5", "Usual is 0.05.")
    wanted = metrics.read(question.metrics, question.before)
    columns = Columns(question.unit, question.arm, question.slices)
    raise_if_any(columns.confused())
    with table.opened(question.file, columns, wanted) as source, tempfile.TemporaryDirectory() as scratch:
        raise_if_any(table.too_large(source, wanted))
        locked = _plan(question, source, wanted)
        outcome = _look(locked, source, wanted, Path(scratch))
        left_out = source.left_out()
        said = tuple(notes.of(source, wanted, left_out))
    built = document.build(outcome.facts, prev_sha256="", created_at=outcome.look.plan.until)
    return Answer(built, outcome, left_out, said)


def _look(locked: LockedPlan, source: Source, wanted: Sequence[Wanted], folder: Path) -> Outcome:
    started_at, until = locked.started_at, locked.stopped_at
    assert started_at is not None and until is not None  # noqa: S101 PT018 `_plan` sets both
    plan, engine = analysis_plan(locked, until=until), DuckDBEngine(folder)
    files = table.write(source, wanted, folder, experiment=locked.experiment, at=started_at)
    look = pipeline.Look(
        locked=locked,
        plan=plan,
        about=ExperimentFacts(locked.hypothesis.change, "", "ab", locked.hypothesis.audience, None),
        number=1,
        readings=engine.read(plan, files, {}),
        flow=DataFlow(waiting=0, accepted=0, refused=0, silent_days=(), days=1),
        code_version=looks.CODE_VERSION,
        engine=engine.name,
    )
    return pipeline.judge(look)


def _plan(question: Question, source: Source, wanted: Sequence[Wanted]) -> LockedPlan:
    """A plan for one fixed look at the time of the file."""
    arms = source.arms()
    _raise_if_no_arms(question.arm, arms)
    control = _control(question.control, arms)
    until = question.until
    primary = wanted[0].binding.definition
    return LockedPlan(
        experiment=re.sub(r"[^a-z0-9]+", "-", question.name.partition(".")[0].lower()).strip("-") or "file",
        version=1,
        flag=table.FLAG,
        environment="file",
        unit_type=table.UNIT_TYPE,
        control=control,
        arms=_arms(arms, control, question.shares),
        bindings=tuple(each.binding for each in wanted),
        hypothesis=Hypothesis(
            change=f"{question.arm} in {question.name}",
            audience="all rows",
            metric=primary.key,
            direction=primary.direction,
            expected=Amount(0.0, relative=True),
            mechanism="",
            refuted_if="",
        ),
        inference=Inference.FIXED,
        alpha=question.alpha,
        looks=1,
        min_days=1,
        max_days=1,
        dimensions=question.slices,
        started_at=until - ONE_DAY,
        stopped_at=until,
    ).locked()


def _raise_if_no_arms(column: str, arms: Sequence[str]) -> None:
    if not arms:
        raise refuse("arm", column, "no row names a unit and an arm", "Is the file empty?")
    if not 2 <= len(arms) <= MAX_ARMS:
        many = "at least " if len(arms) == table.MOST_ARMS_READ else ""
        listed = ", ".join(map(repr, arms[:SHOWN_ARMS])) + (", …" if len(arms) > SHOWN_ARMS else "")
        why = f"it holds {many}{len(arms)} different values: {listed}"
        raise refuse("arm", column, why, f"Two to {MAX_ARMS} arms can be compared.")
    alike = [arm for arm, times in Counter(arm.strip().lower() for arm in arms).items() if times > 1]
    if alike:
        written = " and ".join(repr(arm) for arm in arms if arm.strip().lower() == alike[0])
        why = f"{written} differ only in case or in spaces around them"
        raise refuse("arm", column, why, "Write each arm in one way.")


def _control(wanted: str, arms: Sequence[str]) -> str:
    """The arm that is named, else the one that is called like a control, else the first."""
    if wanted and wanted not in arms:
        fix = f"{meant(wanted, arms)}Arms are: {', '.join(arms)}."
        raise refuse("control", wanted, "there is no such arm", fix)
    usual = [arm for name in CONTROLS for arm in arms if arm.lower() == name]
    return wanted or (usual or list(arms))[0]


def _arms(arms: Sequence[str], control: str, shares: Mapping[str, float]) -> tuple[PlannedArm, ...]:
    """Control first."""
    is_whole = set(shares) == set(arms) and abs(sum(shares.values()) - 1) <= 1e-6
    if shares and not (is_whole and all(share > 0 for share in shares.values())):
        fix = f"Give a share above 0 for each of {', '.join(arms)}; they add up to 1."
        raise refuse("share", dict(shares), "these are not the shares of all arms", fix)
    planned = {arm: shares.get(arm, 1 / len(arms)) for arm in arms}
    ordered = sorted(arms, key=lambda arm: (arm != control, arm))
    ppm = [round(planned[arm] * WHOLE_PPM) for arm in ordered]
    return tuple(
        PlannedArm(arm, arm, weight, ArmRole.CONTROL if arm == control else ArmRole.TREATMENT)
        for arm, weight in zip(ordered, ppm, strict=True)
    )
