"""Ablation studies: caps that cannot be passed, consents that cannot be given to oneself, start and end."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from events import queries as events
from experiments import queries as experiments
from flags import queries as flags
from flags import services as flag_services
from impact import queries, services
from impact.models import AblationStudy
from ledger.refusals import Conflict, Refused
from metrics import services as metrics
from tests.apps.impact import build
from tests.apps.impact.build import BY, NOW
from tests.apps.impact.test_mining import CONVERSION

pytestmark = pytest.mark.django_db
ETHICS = "A few users wait a little; nobody pays, and no one is left out of help."


@pytest.fixture
def shop():
    build.surface()
    flag_services.create_environment(key="production", is_production=True, actor="ada", now=NOW)
    metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=NOW)
    build.value()


def propose(**facts):
    return services.propose_study(
        **{
            "key": "slow-checkout",
            "title": "What a slower checkout costs",
            "surface": "checkout",
            "doses_ms": [200, 50, 100, 400],
            "share_ppm": 10_000,
            "days": 14,
            "exposures": 1_000_000,
            "ethics": ETHICS,
            "actor": "eva",
            "now": NOW,
            **facts,
        }
    )


def approved(**facts):
    propose(**facts)
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        services.approve_study(key="slow-checkout", capacity=capacity, actor=who, now=NOW)


def started(**facts):
    approved(**facts)
    return services.start_study(key="slow-checkout", actor="ada", now=NOW)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"doses_ms": []}, "doses_ms"),
        ({"doses_ms": [100, 2001]}, "doses_ms"),
        ({"doses_ms": [100, 100]}, "doses_ms"),
        ({"doses_ms": [5]}, "doses_ms"),
        ({"share_ppm": 20_001}, "share_ppm"),
        ({"share_ppm": 0}, "share_ppm"),
        ({"days": 29}, "days"),
        ({"days": 6}, "days"),
        ({"exposures": 0}, "exposures"),
        ({"concurrent": 0}, "concurrent"),
        ({"ethics": "fine"}, "ethics"),
        ({"key": "No key"}, "key"),
        ({"title": ""}, "title"),
        ({"surface": "nowhere"}, "surface"),
    ],
)
def test_proposal__beyond_a_cap__refused_with_the_field(shop, facts, field):
    with pytest.raises(Refused) as refused:
        propose(**facts)

    assert refused.value.problems[0].field == field
    assert not AblationStudy.objects.exists()


@pytest.mark.parametrize(
    "facts", [{"share_ppm": 20_001}, {"days": 29}, {"longest_ms": 2001}, {"spent": 1_000_001}]
)
def test_caps__written_past_the_services__refused_by_the_database(shop, facts):
    made = propose()

    with pytest.raises(IntegrityError), transaction.atomic():
        AblationStudy.objects.filter(id=made.id).update(**facts)


def test_proposal__predicted_cost__one_per_cent_per_100_ms_of_what_the_slowed_bring_in(shop):
    made = propose()

    yearly = 40_000_000_00 * 0.5
    assert made.predicted_cost_minor == pytest.approx(yearly * 0.01 * 7.5 * 0.01 * 14 / 365.25)


def test_proposal__second_one_on_the_surface__conflict(shop):
    propose()

    with pytest.raises(Conflict):
        propose(key="another")


def test_approval__own_study_twice_or_not_the_owner__conflict(shop):
    propose()
    for actor, capacity in (("eva", "sponsor"), ("vera", "surface_owner"), ("vera", "metric_owner")):
        with pytest.raises(Conflict):
            services.approve_study(key="slow-checkout", capacity=capacity, actor=actor, now=NOW)
    services.approve_study(key="slow-checkout", capacity="surface_owner", actor="ada", now=NOW)
    with pytest.raises(Conflict):
        services.approve_study(key="slow-checkout", capacity="sponsor", actor="ada", now=NOW)


def test_approval__three_consents__approved_and_not_before(shop):
    propose()
    states = []
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        states.append(
            services.approve_study(key="slow-checkout", capacity=capacity, actor=who, now=NOW).state
        )

    assert states == ["proposed", "proposed", "approved"]


def test_approval__dose_above_a_second__needs_a_fourth(shop):
    approved(doses_ms=[500, 1500])
    assert queries.study("slow-checkout").state == "proposed"

    services.approve_study(key="slow-checkout", capacity="second", actor="nina", now=NOW)

    assert queries.study("slow-checkout").state == "approved"


def test_start__before_it_is_approved__conflict(shop):
    propose()

    with pytest.raises(Conflict):
        services.start_study(key="slow-checkout", actor="ada", now=NOW)


def test_start__approved__experiment_with_doses_and_placebo_in_its_own_layer(shop):
    row = started()

    plan = experiments.plan("slow-checkout")
    assert [(arm.key, arm.dose_ms) for arm in plan.arms] == [
        ("placebo", 0),
        ("d50", 50),
        ("d100", 100),
        ("d200", 200),
        ("d400", 400),
        ("untouched", None),
    ]
    assert (plan.layer, plan.layer_share_ppm) == ("ablations", 60_000)
    assert row.ends_at == NOW + timedelta(days=14)
    assert events.labels(kind="injection").get().origin == "ablation:slow-checkout"
    rule = live()["rules"][-1]
    assert [arm[0] for arm in rule["split"]["arms"]] == [
        "placebo",
        "d50",
        "d100",
        "d200",
        "d400",
        "untouched",
    ]
    assert live()["variants"]["untouched"] == -1


def live():
    flag, place = flags.flag("slow-checkout"), flags.environment("production")
    return flags.live_version(flag, place).definition


def test_start__exclusions__stand_before_the_study_and_outside_of_it(shop):
    started(exclusions=[{"attribute": "plan", "op": "equals", "value": "accessibility"}])

    first = live()["rules"][0]

    assert (first["id"], first["variant"]) == ("left-out", "placebo")
    assert "experiment" not in first


def test_end__running__flag_off_experiment_stopped_and_followed_as_long_as_it_ran(shop):
    started()
    later = NOW + timedelta(days=20)

    row = services.end_study(key="slow-checkout", reason="support is overrun", actor="ada", now=later)

    assert live()["on"] is False
    assert experiments.experiment("slow-checkout").state == "stopped"
    assert (row.state, row.follow_until) == ("followed", later + timedelta(days=20))


def test_withdraw__before_the_start__surface_is_free_again(shop):
    propose()

    services.withdraw_study(key="slow-checkout", reason="later", **BY)

    assert propose(key="another").state == "proposed"


def test_withdraw__while_it_runs__conflict(shop):
    started()

    with pytest.raises(Conflict):
        services.withdraw_study(key="slow-checkout", reason="later", **BY)
