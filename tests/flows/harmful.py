"""An experiment that hurts phones, on a surface with a price and under review, driven through the SDK."""

from contextlib import closing
from datetime import timedelta
from itertools import islice

import numpy as np
from django.contrib.auth import get_user_model
from django.utils import timezone

from experiments import services as experiments
from flags import services as flags
from governance import reviewing
from governance.services import reviews
from headway import Client
from impact import services as impact
from impact.grades import Design, Kind
from metrics import services as metrics
from organisation import services as organisation
from tests.flows.places import environment, filed
from tests.flows.planting import FLUSHED_WITHIN_S, METRICS, READY_WITHIN_S, Clock, by_turns, sdk_key

OWNER, BACKUP, HOST = "rosa", "otto", "example.com"
UNITS, DAYS, SEED = 1_500, 2, 11
ARMS_BY_TURN = ("control", "control", "treatment", "treatment")
USUAL_MS, SPREAD_MS, HARM_MS = 300.0, 40.0, {"phone": 90.0, "laptop": 10.0}


def by(actor=OWNER):
    return {"actor": actor, "now": timezone.now()}


def priced_surface(key):
    """A surface that somebody owns, and what 100 ms cost there, accepted by a second person."""
    people = get_user_model().objects
    for name in (OWNER, BACKUP):
        person, _ = people.get_or_create(username=name)
        people.filter(id=person.id).update(email=f"{name}@{HOST}")
    organisation.create_team(key=f"{key}-team", name=f"Team of {key}", owner=OWNER, **by())
    organisation.create_surface(
        key=key, name=key.capitalize(), team=f"{key}-team", owner=OWNER, backup=BACKUP, **by()
    )
    impact.set_value(
        surface=key, currency="EUR", revenue_minor=40_000_000_00, surface_share=0.5, outcome="conversion",
        source="annual report", outcome_level=0.05, latency_metric="planted-load-time", **by(),
    )  # fmt: skip
    today = timezone.now().date()
    found = impact.record(
        surface=key, title="Delay in spring", outcome="conversion", design=Design(Kind.ABLATION),
        per_100_ms=-0.003, standard_error=0.0005, began_on=today - timedelta(days=40),
        ended_on=today - timedelta(days=20), units=1_200_000, method="GLS", **by(),
    )  # fmt: skip
    impact.accept(id=found.id, **by(BACKUP))
    draft = impact.draft_ratio(surface=key, baseline_ms=USUAL_MS, **by())
    impact.publish_ratio(surface=key, number=draft.number, **by(BACKUP))


def under_review(key):
    """Its launch review, asked for by the owner, with every question answered."""
    made = reviews.open_review(experiment=key, **by())
    answers = {question.key: question.key == "slower" for question in reviewing.QUESTIONS}
    return reviews.answer_risks(id=made.id, answers=answers, **by())


def begin(key, surface):
    """The experiment, in an environment of its own, running for two days; returns when it began."""
    now = timezone.now()
    place, began_at = environment(key), now - timedelta(days=DAYS)
    metrics.load_definitions(texts=METRICS, **by())
    flags.create_flag(key=key, value_type="string", owner=OWNER, in_environments=[place], **by())
    experiments.create(key=key, content=_plan(key, place, surface), **by())
    for metric, role in (("planted-orders", "primary"), ("planted-load-time", "guardrail")):
        experiments.bind_metric(key=key, content={"metric": metric, "role": role}, **by())
    experiments.start(key=key, began_at=began_at, reason="a run with a planted harm", **by())
    return began_at


def visit_all(edge_url, key, began_at):
    """Every unit comes once, phones and laptops in turn and as many of each in both arms; nobody orders more
    or less."""
    clock, drawn = Clock(), np.random.default_rng(SEED)
    with closing(Client(edge_url, sdk_key(key), clock=clock, exposure_dims=("device",))) as client:
        assert client.wait_until_ready(READY_WITHIN_S)
        for number, unit in enumerate(islice(by_turns(client, key, ARMS_BY_TURN), UNITS)):
            clock.at = began_at + timedelta(days=DAYS) * (number + 1) / (UNITS + 1)
            device = "phone" if number % 2 else "laptop"
            arm = client.variant(key, unit=unit, attributes={"device": device}, default="nobody")
            slower_ms = HARM_MS[device] if arm == "treatment" else 0.0
            waited_ms = float(drawn.normal(USUAL_MS, SPREAD_MS)) + slower_ms
            client.track(
                "loaded", unit=unit, value=waited_ms, session=f"session-{number}", dims={"device": device}
            )
            if drawn.random() < 0.2:
                client.track("ordered", unit=unit)
        assert client.flush(FLUSHED_WITHIN_S)
    filed(key)


def _plan(key, place, surface):
    return {
        "title": f"Planted harm: {key}",
        "owner": OWNER,
        "flag": key,
        "environment": place,
        "surface": surface,
        "dimensions": ["device"],
        "hypothesis": {
            "change": "Plant a delay",
            "audience": "made-up units",
            "metric": "planted-orders",
            "direction": "up",
            "expected": {"value": 0.1, "relative": True},
            "mechanism": "it is planted",
            "refuted_if": "it does not show",
        },
        "arms": [
            {"key": "control", "variant": "control", "weight_ppm": 500_000, "role": "control"},
            {"key": "treatment", "variant": "treatment", "weight_ppm": 500_000, "role": "treatment"},
        ],
        "min_days": 7,
        "max_days": 28,
        "planned_units": 1_000,
    }
