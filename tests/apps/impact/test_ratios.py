"""Findings become one ratio, another person publishes it, time ends it; grades C and D never become money."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from impact import queries, services
from impact.grades import Design, Kind
from impact.models import Evidence, Ratio, ValueModel
from impact.services import Answer, Refusal
from ledger import queries as ledger
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.impact import build
from tests.apps.impact.build import BY, BY_BEA, COMPARED, NOW, OBSERVED

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


def ask(ms=100.0, today=TODAY):
    return services.ask(surface="checkout", ms=ms, today=today)


def test_ratio__published__answers_with_interval_grade_and_date():
    build.published()

    found = ask()

    assert isinstance(found, Answer)
    # 0.003 of half of 40 million.
    assert found.price.value == pytest.approx(60_000_00)
    assert found.price.confidence_interval.lower < 60_000_00 < found.price.confidence_interval.upper
    assert found.valid_until == date(2027, 2, 21)
    assert "EUR 60 thousand a year" in found.sentence
    assert "grade A" in found.sentence


def test_ratio__other_milliseconds__scale_and_turn_sign():
    build.published()

    assert ask(250).price.value == pytest.approx(150_000_00)
    faster = ask(-100).price
    assert faster.value == pytest.approx(-60_000_00)
    assert faster.confidence_interval.lower < faster.value < faster.confidence_interval.upper


@pytest.mark.parametrize("ms", [0, float("nan"), float("inf"), 1e9])
def test_ask__no_delay__refused(ms):
    build.surface()

    with pytest.raises(Refused):
        ask(ms)


def test_ask__unknown_surface__not_found():
    with pytest.raises(NotFound):
        ask()


def test_ask__nothing_known__names_the_smallest_study():
    build.surface()

    found = ask()

    assert isinstance(found, Refusal)
    assert "users in each of two arms" in found.sentence


@pytest.mark.parametrize("design", [OBSERVED, Design(Kind.BORROWED)])
def test_ask__only_grade_c_or_d__per_cent_and_never_a_currency(design):
    build.surface()
    build.value()
    build.accepted(design)

    with pytest.raises(Refused):
        services.draft_ratio(surface="checkout", **BY)
    found = ask()

    assert isinstance(found, Refusal)
    assert "-0.30% per 100 ms" in found.known[0]
    assert "EUR" not in str(found.to_dict())


def test_finding__same_origin_twice__one_row():
    build.surface()

    made = [build.finding(origin="label:17") for _ in range(2)]

    assert made[0].id == made[1].id
    assert Evidence.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"title": ""}, "title"),
        ({"outcome": " "}, "outcome"),
        ({"per_100_ms": float("nan")}, "per_100_ms"),
        ({"per_100_ms": -3.0}, "per_100_ms"),
        ({"standard_error": 0.0}, "standard_error"),
        ({"ended_on": date(2026, 1, 1)}, "ended_on"),
    ],
)
def test_finding__impossible_numbers__refused_with_the_field(facts, field):
    build.surface()

    with pytest.raises(Refused) as refused:
        build.finding(**facts)

    assert refused.value.problems[0].field == field


def test_finding__accepted_by_its_recorder__conflict():
    build.surface()

    with pytest.raises(Conflict):
        services.accept(id=build.finding().id, **BY)


def test_finding__rejected__stays_visible_with_the_reason_and_cannot_come_back():
    build.surface()
    row = services.reject(id=build.finding().id, reason="a sale ran as well", **BY_BEA)

    assert queries.findings(surface="checkout").get().reason == "a sale ran as well"
    with pytest.raises(Conflict):
        services.accept(id=row.id, **BY_BEA)


def test_finding__judged__the_database_keeps_its_numbers():
    build.surface()
    row = build.accepted()

    with pytest.raises(DatabaseError), transaction.atomic():
        Evidence.objects.filter(id=row.id).update(per_100_ms=-0.1)


def test_ratio__drafted_and_published_by_the_same_person__conflict():
    build.surface()
    build.value()
    build.accepted()
    draft = services.draft_ratio(surface="checkout", **BY)

    with pytest.raises(Conflict):
        services.publish_ratio(surface="checkout", number=draft.number, **BY)


def test_ratio__second_one_published__first_is_superseded_and_one_is_current():
    build.published()
    build.accepted(COMPARED, title="Incident in January", per_100_ms=-0.004, origin="label:1")
    draft = services.draft_ratio(surface="checkout", **BY)
    services.publish_ratio(surface="checkout", number=draft.number, **BY_BEA)

    states = dict(Ratio.objects.values_list("number", "state"))

    assert states == {1: "superseded", 2: "current"}
    assert queries.current_ratio("checkout", today=TODAY).grade == "B"


def test_ratio__two_current_ones__refused_by_the_database():
    made = build.published()

    with pytest.raises(IntegrityError), transaction.atomic():
        Ratio.objects.create(**{**Ratio.objects.filter(id=made.id).values().get(), "id": None, "number": 9})


def test_ratio__published__the_database_keeps_its_numbers():
    made = build.published()

    with pytest.raises(DatabaseError), transaction.atomic():
        Ratio.objects.filter(id=made.id).update(price_minor=1)


def test_ratio__past_its_date__never_answers_even_before_the_task_has_run():
    build.published()

    found = ask(today=date(2027, 2, 22))

    assert isinstance(found, Refusal)
    assert "no longer holds" in found.why


def test_expiry__past_its_date__ended_once_with_an_audit_row():
    build.published()
    late = NOW + timedelta(days=400)

    assert [len(services.expire_ratios(now=late)) for _ in range(2)] == [1, 0]
    assert ledger.audit_of("surface:checkout").filter(action="ratio.expired").count() == 1


def test_expiry__latency_a_fifth_away__ended_with_the_reason():
    build.published()

    services.expire_ratios(now=NOW, baselines={"checkout": 960.0})
    assert Ratio.objects.get().state == "current"
    services.expire_ratios(now=NOW, baselines={"checkout": 970.0})

    assert "800 ms to 970 ms" in Ratio.objects.get().reason


def test_ratio__without_a_value_model__refused():
    build.surface()
    build.accepted()

    with pytest.raises(Refused):
        services.draft_ratio(surface="checkout", **BY)


def test_ratio__draft_replaced_or_discarded__stays_in_the_list():
    build.surface()
    build.value()
    build.accepted()
    services.draft_ratio(surface="checkout", **BY)
    second = services.draft_ratio(surface="checkout", **BY)
    services.discard_ratio(surface="checkout", number=second.number, reason="wait for the study", **BY_BEA)

    assert [row.state for row in queries.ratios("checkout")] == ["rejected", "rejected"]
    assert queries.draft_ratio("checkout") is None


def test_value__changed__new_version_and_the_old_one_is_never_touched():
    build.surface()
    first = build.value()
    second = build.value(revenue_minor=50_000_000_00)

    assert (first.number, second.number) == (1, 2)
    with pytest.raises(DatabaseError), transaction.atomic():
        ValueModel.objects.filter(id=first.id).update(revenue_minor=1)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"currency": "euro"}, "currency"),
        ({"revenue_minor": 0}, "revenue_minor"),
        ({"surface_share": 1.1}, "surface_share"),
        ({"revenue_error": -0.1}, "revenue_error"),
        ({"link": 0.0}, "link"),
        ({"source": ""}, "source"),
        ({"outcome": ""}, "outcome"),
    ],
)
def test_value__impossible_fact__refused_with_the_field(facts, field):
    build.surface()

    with pytest.raises(Refused) as refused:
        build.value(**facts)

    assert [problem.field for problem in refused.value.problems] == [field]
