"""Flags and experiments just before everybody gets them, and the two reasons why nobody may."""

import json
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from analysis import queries as analysis
from analysis import services as looks
from analysis.models import AnalysisRun, GuardrailTrip, ReportSnapshot
from experiments import services as experiments
from experiments.models import Experiment
from flags import services as flags
from governance import review_queries, reviewing
from governance.services import guardrails, reviews
from ledger.refusals import Refused
from metrics import queries as metrics
from organisation import services as organisation
from tests.apps.analysis import world

NOW = timezone.now()
LATER = NOW + timedelta(hours=2)
BY: dict = {"actor": "ada", "now": NOW}
ALL, HALF = 1_000_000, 500_000
NO = {question.key: False for question in reviewing.QUESTIONS}
REASONS = {
    "nobody asked for a review": "was not reviewed",
    "a sign-off is missing": "lacks the sign-off of performance",
    "a trip is open": "is harmed in arm treatment",
}
"""Why a launch is refused, and the words that say so."""
FIXES = {
    "a sign-off is missing": "See /reviews/",
    "a trip is open": "Resolve the trip, or have it waived by somebody of the performance discipline.",
}
"""What clears it."""


def rule(coverage_ppm, **changes):
    return {"id": "open", "split": {"coverage_ppm": coverage_ppm, "arms": [["on", ALL]]}, **changes}


def step(coverage_ppm=ALL, **changes):
    return {"coverage_ppm": coverage_ppm, "hold_minutes": 0, **changes}


def team():
    organisation.create_team(key="buyers", name="Buyers", owner="rosa", actor="rosa", now=NOW)


def definitions():
    texts = {f"{metric}.toml": text for metric, text in world.METRICS.items()}
    world.metrics.load_definitions(texts=texts, actor="rosa", now=NOW)


def policy():
    definitions()
    guardrails.create_guardrail_set(
        name="fast", members=[{"metric": "latency-p95"}], team="buyers", actor="pia", now=NOW
    )


def unsigned(**about):
    """An open review whose questions are answered and which nobody has signed."""
    made = reviews.open_review(**about, actor="rosa", now=NOW)
    reviews.answer_risks(id=made.id, answers=NO, actor="rosa", now=NOW)
    return made


def trip(*flags_hurt, metric="latency-p95", environment="production"):
    """An open trip that blocks, of an experiment on each flag; how trips come about is tested elsewhere."""
    for flag in flags_hurt:
        owner = Experiment.objects.filter(flag=flag).first() or drafted_on(flag, environment)
        GuardrailTrip.objects.create(
            experiment=owner,
            metric_version=metrics.version(metric),
            metric=metric,
            arm="treatment",
            run=look_of(owner),
            severity="harm",
            is_blocking=True,
            action="hold",
            estimate=40.0,
            low=30.0,
            high=50.0,
            margin=20.0,
            opened_at=NOW,
        )


def drafted_on(flag, environment):
    content = {"title": f"On {flag}", "flag": flag, "environment": environment, "assigned_here": False}
    return experiments.create(key=f"on-{flag}", content=content, actor="rosa", now=NOW)


def look_of(owner, number=0):
    """A look under the plan in force, the same one however often it is asked for."""
    about = {"experiment": owner, "plan_version": 1, "look": 99 + number}
    return AnalysisRun.objects.filter(**about).first() or AnalysisRun.objects.create(
        **about,
        plan_sha256="0" * 64,
        data_cut=NOW,
        config_hash=f"{number:064x}",
        code_version="test",
        engine="duckdb",
        trigger="manual",
        actor="rosa",
        requested_at=NOW,
        finished_at=NOW,
        enrolment={"units": {"control": 1000, "treatment": 1000}},
    )


def reported(owner, verdict="SHIP", number=0):
    """A report, so that there is something to sign; a larger `number` is another one."""
    document = {
        "experiment": {"plan_version": 1},
        "verdict": {"code": verdict},
        "trust": {"checks": []},
        "effects_hidden": False,
        "results": [],
        "arms": [],
    }
    ReportSnapshot.objects.create(
        experiment=owner,
        run=look_of(owner, number),
        verdict=verdict,
        document=json.dumps(document),
        sha256=f"{number:032x}{owner.id:032x}",
        prev_sha256=f"{number - 1:032x}{owner.id:032x}" if number else "",
        created_at=NOW,
    )


def refusals(paths):
    """What each path was refused with. Whatever it did is taken back before the next one."""
    said = {}
    for name, path in paths.items():
        with transaction.atomic():
            said[name] = _refusal(path)
            transaction.set_rollback(True)
    return said


def _refusal(path):
    try:
        with transaction.atomic():
            return path() or "went through"
    except Refused as refused:
        return "; ".join(problem.reason for problem in refused.problems)


def let_through(paths, words):
    """The paths that were not refused with these words, with what was said instead."""
    return {name: said for name, said in refusals(paths).items() if words not in said}


def begun(key, *, treated_ppm=990_000, coverage_ppm=HALF, starts=True, **changes):
    """An experiment on a flag of its own that gives the new variant to so many of its units."""
    flags.create_flag(key=key, value_type="bool", team="buyers", actor="ada", now=NOW)
    weights = (ALL - treated_ppm, treated_ppm)
    arms = [{**arm, "weight_ppm": weight} for arm, weight in zip(world.ARMS, weights, strict=True)]
    asked = {"assigned_here": True, "team": "buyers", "arms": arms, "planned_units": 100, **changes}
    return world.started(key, now=NOW, coverage_ppm=coverage_ppm, starts=starts, **asked)


def measured(verdict="SHIP", **changes):
    """Long enough measured, stopped, on a flag that it assigned; the report lets it be shipped unless told
    otherwise."""
    flags.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flags.create_flag(key=world.KEY, value_type="bool", actor="ada", now=world.START)
    team()
    owner = world.started(assigned_here=True, coverage_ppm=HALF, planned_units=100, team="buyers", **changes)
    experiments.stop(key=world.KEY, reason="done", actor="rosa", now=NOW)
    reported(owner, verdict)


def settled():
    """Every trip resolved and every review signed, by people who had no part in it."""
    for row in analysis.unsettled_trips():
        looks.resolve_trip(trip_id=row.id, reason="repaired", actor="pia", now=NOW)
    for row in review_queries.live_reviews():
        reviews.sign(id=row.id, discipline="performance", answer="approved", actor="pia", now=NOW)
