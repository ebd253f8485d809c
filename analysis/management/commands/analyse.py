"""`manage.py analyse EXPERIMENT [--until TIME]`: one look, computed in this process, for scripts."""

import getpass
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analysis import queries, services
from analysis.management.times import read_time
from analysis.models import AnalysisRun, Trigger
from events import services as events
from ledger import jobs
from ledger import queries as ledger
from ledger.refusals import Refused

POLL_S = 0.5
GIVE_UP_AFTER = timedelta(minutes=10)
UNDONE = ("queued", "running")


class Command(BaseCommand):
    help = "Look at an experiment now: read the event store, store results and the report, print the verdict."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("experiment")
        parser.add_argument("--until", help="only events before this time (2026-03-01T12:00:00Z)")
        parser.add_argument("--actor", default="", help="who is named as the one who asked (default: you)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._look(options["experiment"], options["until"], options["actor"] or getpass.getuser())
        except Refused as refused:
            raise CommandError("\n".join(str(problem) for problem in refused.problems)) from None

    def _look(self, experiment: str, until: str | None, actor: str) -> None:
        events.drain(now=timezone.now())
        asked = services.request_look(
            experiment=experiment,
            trigger=Trigger.MANUAL,
            actor=actor,
            now=timezone.now(),
            until=None if until is None else read_time(until),
        )
        _finish(asked.kind, asked.key)
        self._print(experiment)

    def _print(self, experiment: str) -> None:
        report = queries.latest_snapshot(experiment)
        if report is None:
            raise CommandError(f"{experiment}: there is no report, its plan changed meanwhile")
        run: AnalysisRun = report.run
        units = ", ".join(f"{arm} {n:,}" for arm, n in run.enrolment["units"].items())
        self.stdout.write(f"{experiment}: {report.verdict}")
        self.stdout.write(f"look {run.look}, data until {run.data_cut:%Y-%m-%d %H:%M:%S} UTC, units {units}")
        self.stdout.write(f"report {report.sha256}")


def _finish(kind: str, key: str) -> None:
    """Do the job here, or wait for the worker that has taken it."""
    gives_up_at = timezone.now() + GIVE_UP_AFTER
    while timezone.now() < gives_up_at:
        job = ledger.job(kind, key)
        if job is None or job.state not in UNDONE:
            break
        if not jobs.run(job.id):
            time.sleep(POLL_S)
    done = ledger.job(kind, key)
    if done is None or done.state != "succeeded":
        why = done.failure if done else "the job is gone"
        raise CommandError(f"the look failed: {why or 'it is still under way'}")
