"""Putting the rows of a file into the inbox: judged like any event, each once, however often one tries.

Every thousand rows are one batch, stored in one transaction with the note of how far the import has come.
Called by commands only: files are read and compacted here, which web processes never do.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from events.diagnosis import Window
from events.imports.files import Row, TableFile
from events.imports.mapping import Reading, RowReader, event_id, row_reader
from events.judging import as_texts, rebuild, refused_in
from events.models import Codec, ImportRun, InboxBatch
from events.services.store import drain
from flags import queries as flag_queries
from ledger import audit
from ledger.refusals import Problem, Refused

ROWS_A_BATCH = 1_000
BATCHES_BETWEEN_DRAINS = 100
SHOWN_PROBLEMS = 20
SENDER = "import"
KEPT_OF_REFUSED = 8_001
"""Bytes: one more than is kept in the end, so that it is seen that something is missing."""

Say = Callable[[int], None]
"""Told now and then how many rows are done."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Rows of a batch: the first one's number, events as texts, and problems by index."""

    first: int
    events: list[bytes]
    problems: dict[int, Problem]


@dataclass(slots=True)
class Outcome:
    """What became of a file. `problems` are the first twenty; `was_done` says that it came in before."""

    accepted: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    was_done: bool = False

    def add(self, judged: Judgement) -> None:
        self.refused += len(judged.problems)
        self.accepted += len(judged.events) - len(judged.problems)
        left = SHOWN_PROBLEMS - len(self.problems)
        self.problems += list(judged.problems.values())[:left]


class BadRows(Refused):
    """The file holds rows that are not accepted; nothing was imported."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(*outcome.problems)


@dataclass(frozen=True, slots=True)
class Import:
    """A file, how it is read, and where it goes."""

    file: TableFile
    reading: Reading
    environment: str
    skips_bad_rows: bool = False

    def fingerprint(self) -> str:
        """The same for the same content read the same way."""
        text = f"{self.file.sha256()} {self.file.delimiter} {self.reading.canonical()}"
        return hashlib.sha256(text.encode()).hexdigest()


def check_file(wanted: Import, *, now: datetime, say: Say = lambda _: None) -> Outcome:
    """Judge every row and import none. Raises Refused when the file cannot be read at all."""
    flag_queries.environment(wanted.environment)
    reader = row_reader(wanted.reading, wanted.file.columns(), wanted.fingerprint())
    outcome = Outcome()
    for judged in _judged(wanted, reader, now):
        outcome.add(judged)
        say(outcome.accepted + outcome.refused)
    return outcome


def import_file(wanted: Import, *, actor: str, now: datetime, say: Say = lambda _: None) -> Outcome:
    """Import a file: all of it or, if it `skips_bad_rows`, the good rows; the others are kept as refused.

    The same file read the same way comes in once; an interrupted import goes on where it stopped.
    """
    fingerprint = wanted.fingerprint()
    run = ImportRun.objects.filter(environment=wanted.environment, fingerprint=fingerprint).first()
    if run is not None and run.finished_at is not None:
        return Outcome(run.accepted, run.refused, was_done=True)
    checked = check_file(wanted, now=now)
    if checked.refused and not wanted.skips_bad_rows:
        raise BadRows(checked)
    run = run or _start(wanted, fingerprint, actor, now)
    reader = row_reader(wanted.reading, wanted.file.columns(), fingerprint)
    for count, judged in enumerate(_judged(wanted, reader, now), start=1):
        if judged.first >= run.rows_done:
            _store(run, judged, now)
            say(run.rows_done)
        if count % BATCHES_BETWEEN_DRAINS == 0:
            drain(now=now)
    _finish(run, actor, now)
    drain(now=now)
    return Outcome(run.accepted, run.refused, checked.problems)


def _judged(wanted: Import, reader: RowReader, now: datetime) -> Iterator[Judgement]:
    window = Window.at(now, accepts_history=True)
    for first, rows in _together(wanted.file.rows()):
        events = [_event(reader, row, first + index) for index, (_, row) in enumerate(rows)]
        found = dict(refused_in(events, window))
        found |= {index: row for index, (_, row) in enumerate(rows) if isinstance(row, Problem)}
        problems = {
            index: _placed(problem, wanted, rows[index][0]) for index, problem in sorted(found.items())
        }
        kept = [text[:KEPT_OF_REFUSED] if i in problems else text for i, text in enumerate(events)]
        yield Judgement(first, kept, problems)


def _together(rows: Iterator[tuple[int, Row | Problem]]) -> Iterator[tuple[int, list[tuple[int, Any]]]]:
    first = 0
    together: list[tuple[int, Any]] = []
    for row in rows:
        together.append(row)
        if len(together) == ROWS_A_BATCH:
            yield first, together
            first, together = first + len(together), []
    if together:
        yield first, together


def _event(reader: RowReader, row: Row | Problem, number: int) -> bytes:
    return row.value.encode() if isinstance(row, Problem) else reader.event(row, number)


def _placed(found: Problem, wanted: Import, line: int) -> Problem:
    return Problem(found.field, found.value, found.reason, found.fix, line, wanted.file.path.name)


@transaction.atomic
def _start(wanted: Import, fingerprint: str, actor: str, now: datetime) -> ImportRun:
    run = ImportRun.objects.create(
        environment=wanted.environment,
        kind=wanted.reading.kind,
        file=wanted.file.path.name[:255],
        fingerprint=fingerprint,
        started_by=actor,
        started_at=now,
    )
    _audit(run, "import.started", actor, now)
    return run


@transaction.atomic
def _finish(run: ImportRun, actor: str, now: datetime) -> None:
    run.finished_at = now
    run.save(update_fields=["finished_at"])
    _audit(run, "import.finished", actor, now)


def _audit(run: ImportRun, action: str, actor: str, now: datetime) -> None:
    after = {
        "environment": run.environment,
        "kind": run.kind,
        "file": run.file,
        "accepted": run.accepted,
        "refused": run.refused,
    }
    audit.record(now=now, actor=actor, action=action, subject=f"import:{run.id}", after=after)


@transaction.atomic
def _store(run: ImportRun, judged: Judgement, now: datetime) -> None:
    payload = rebuild(judged.events, set(judged.problems))
    refused = len(judged.problems)
    InboxBatch.objects.create(
        environment=run.environment,
        batch_id=batch_id(run.fingerprint, judged.first),
        received_at=now,
        sdk=SENDER,
        accepted=len(judged.events) - refused,
        refused=refused,
        refusals=[_refusal(index, found) for index, found in judged.problems.items()] or None,
        digest=hashlib.sha256(payload).digest()[:16],
        codec=Codec.JSON,
        size=len(payload),
        payload=payload,
    )
    run.rows_done = judged.first + len(judged.events)
    run.accepted += len(judged.events) - refused
    run.refused += refused
    run.save(update_fields=["rows_done", "accepted", "refused"])


def batch_id(fingerprint: str, first: int) -> UUID:
    return event_id(f"batch {fingerprint}", first)


def _refusal(index: int, found: Problem) -> dict[str, Any]:
    place = f"Line {found.line} of {found.file}."
    placed = Problem(found.field, found.value, found.reason, f"{found.fix} {place}")
    return {"index": index, **as_texts(placed)}
