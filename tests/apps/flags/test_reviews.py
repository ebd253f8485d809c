# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Environments that require a review: nobody opens a flag alone, by whatever door."""

from itertools import product

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from flags import queries, services
from flags.gates import Blocked
from flags.models import FlagVersion, VersionState
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import BY, NOW, definition, draft, environment, flag, live, published, split

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
BOB: dict = {"actor": "bob", "now": NOW}
EVE: dict = {"actor": "eve", "now": NOW}
DE = {"attribute": "country", "op": "in", "value": ["de"]}


@pytest.fixture
def reviewed():
    """A flag with a split of 10 %, in an environment that requires reviews from now on."""
    flag()
    published([split(100_000)])
    services.require_review(environment="production", is_required=True, reason="real users", **BY)


def submitted(coverage_ppm=200_000):
    saved = draft(_wider(coverage_ppm))
    return services.submit_version(**AT, version=saved.number, **BY)


def _wider(coverage_ppm):
    rule = definition()["rules"][0]
    return [{**rule, "split": {**rule["split"], "coverage_ppm": coverage_ppm}}]


def test_version__submitted_approved_published__each_step_in_the_audit(reviewed):
    waiting = submitted()

    services.approve_version(**AT, version=waiting.number, reason="looks right", **BOB)
    services.publish(**AT, version=waiting.number, reason="go", **BY)

    assert (live().number, live().reviewed_by) == (waiting.number, "bob")
    actions = [row.action for row in ledger_queries.audit_of("flag:checkout")[:3]]
    assert actions == ["flag.version.published", "flag.version.approved", "flag.version.submitted"]


def test_coverage__raised_while_the_flag_is_off__switching_on_needs_a_review_still(reviewed):
    services.switch_off(**AT, reason="slow", **BY)
    services.set_coverage(**AT, coverage_ppm=900_000, **BY)

    with pytest.raises(Blocked, match="somebody else has to approve"):
        services.switch_on(**AT, reason="fast again", **BY)


def test_draft__published_without_review__refused_and_nothing_changes(reviewed):
    saved, before = draft(_wider(200_000)), live()

    with pytest.raises(Blocked, match="somebody else has to approve"):
        services.publish(**AT, version=saved.number, **BY)

    assert live() == before


@pytest.mark.parametrize("judge", [services.approve_version, services.reject_version])
@pytest.mark.parametrize("actor", ["ada", "sam"])
def test_review__by_who_wrote_or_submitted_it__refused(reviewed, judge, actor):
    saved = draft(_wider(200_000))
    services.submit_version(**AT, version=saved.number, actor="sam", now=NOW)

    with pytest.raises(Refused, match="cannot review it"):
        judge(**AT, version=saved.number, reason="mine", actor=actor, now=NOW)


def test_review__by_the_author__database_refuses_too(reviewed):
    waiting = submitted()

    with pytest.raises(IntegrityError, match="version_reviewed_by_another"), transaction.atomic():
        FlagVersion.objects.filter(id=waiting.id).update(state="approved", reviewed_by="ada")


def test_submitted__edited__refused_until_withdrawn(reviewed):
    waiting = submitted()
    services.approve_version(**AT, version=waiting.number, **BOB)

    with pytest.raises(Conflict, match="this version is approved"):
        draft(_wider(900_000))
    back = services.withdraw_version(**AT, version=waiting.number, **BY)

    assert (back.state, back.reviewed_by, back.submitted_at) == ("draft", "", None)
    assert draft(_wider(300_000)).number == waiting.number
    with pytest.raises(Blocked):
        services.publish(**AT, version=waiting.number, **BY)


def test_approved__definition_changed_in_the_database__refused(reviewed):
    waiting = submitted()
    services.approve_version(**AT, version=waiting.number, **BOB)

    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        FlagVersion.objects.filter(id=waiting.id).update(checksum="another")


def test_rejected__stays_readable__and_a_new_draft_has_a_new_number(reviewed):
    waiting = submitted()

    rejected = services.reject_version(**AT, version=waiting.number, reason="too fast", **BOB)

    assert (rejected.state, rejected.review_note) == ("rejected", "too fast")
    assert queries.draft(queries.flag("checkout"), environment()) is None
    assert draft(_wider(150_000)).number == waiting.number + 1
    with pytest.raises(Conflict, match="this version is rejected"):
        services.publish(**AT, version=waiting.number, **BY)


def test_doors__that_open_without_a_review__all_closed(reviewed):
    with pytest.raises(Blocked, match="somebody else has to approve"):
        services.set_coverage(**AT, coverage_ppm=900_000, **BY)
    services.switch_off(**AT, reason="harm", **BY)
    with pytest.raises(Blocked, match="somebody else has to approve"):
        services.switch_on(**AT, reason="better", **BY)
    with pytest.raises(Blocked, match="somebody else has to approve"):
        services.revert(**AT, version=2, **BY)

    assert definition()["on"] is False


def test_doors__that_only_close__stay_open(reviewed):
    services.set_coverage(**AT, coverage_ppm=50_000, **BY)
    services.switch_off(**AT, reason="harm", **BY)

    assert definition()["on"] is False


def test_new_flag__serves_its_default__needs_no_review(reviewed):
    made = services.create_flag(key="another", value_type="bool", **BY)

    assert queries.live_version(made, environment()).number == 1


def test_ramp__first_step__waits_for_somebody_else_whatever_the_plan_says(reviewed):
    run = services.start_ramp(**AT, steps=[{"coverage_ppm": 200_000}, {"coverage_ppm": 300_000}], **BY)
    services.ramps.tick(now=NOW)

    assert definition()["rules"][0]["split"]["coverage_ppm"] == 100_000
    services.approve_step(ramp_id=run.id, step=0, **BOB)
    services.ramps.tick(now=NOW)
    services.ramps.tick(now=NOW)

    assert definition()["rules"][0]["split"]["coverage_ppm"] == 300_000
    assert live().reviewed_by == "bob"


def test_ramp__review_required_while_it_runs__holds_until_somebody_agrees():
    flag()
    published([split(100_000)])
    run = services.start_ramp(**AT, steps=[{"coverage_ppm": 200_000}, {"coverage_ppm": 300_000}], **BY)
    services.require_review(environment="production", is_required=True, reason="real users", **BY)

    services.ramps.tick(now=NOW)

    run.refresh_from_db()
    assert (run.state, definition()["rules"][0]["split"]["coverage_ppm"]) == ("holding", 200_000)


def test_segment__that_a_flag_looks_at__does_not_go_round_the_review():
    flag()
    services.create_segment(key="beta", **BY)
    in_beta = {"attribute": "plan", "op": "equals", "value": "beta"}
    services.publish_segment(segment="beta", environment="production", when=in_beta, **BY)
    published([{"when": {"segment": "beta"}, "variant": "on"}])
    services.require_review(environment="production", is_required=True, reason="real users", **BY)

    with pytest.raises(Blocked, match="looks at segment beta"):
        services.publish_segment(segment="beta", environment="production", when=DE, **BY)


def test_states__every_pair__only_those_of_the_table_pass_the_database(reviewed):
    allowed = {
        ("draft", "published"), ("draft", "discarded"), ("draft", "in_review"),
        ("in_review", "draft"), ("in_review", "approved"), ("in_review", "rejected"),
        ("in_review", "discarded"), ("approved", "draft"), ("approved", "published"),
        ("approved", "discarded"), ("published", "superseded"),
    }  # fmt: skip
    paths = {
        "draft": [], "in_review": ["in_review"], "approved": ["in_review", "approved"],
        "rejected": ["in_review", "rejected"], "discarded": ["discarded"],
    }  # fmt: skip
    found = set()
    for start, end in product(paths, VersionState.values):
        if start != end and _passes(paths[start], end):
            found.add((start, end))

    assert found == {pair for pair in allowed if pair[0] != "published"}


def _passes(path, end):
    """Whether the database lets a draft take the path and then become `end`; nothing is kept."""
    try:
        with transaction.atomic():
            row = draft(_wider(200_000))
            for state in path:
                FlagVersion.objects.filter(id=row.id).update(state=state)
            at = {"published_at": NOW} if end in {"published", "superseded"} else {}
            live_one = FlagVersion.objects.filter(flag=row.flag, state="published")
            if end == "published":
                live_one.update(state="superseded")
            FlagVersion.objects.filter(id=row.id).update(state=end, **at)
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


def test_review_setting__without_a_reason_or_twice__refused(reviewed):
    with pytest.raises(Conflict, match="a review already"):
        services.require_review(environment="production", is_required=True, reason="again", **BY)
    with pytest.raises(Refused, match="needs a reason"):
        services.require_review(environment="production", is_required=False, reason=" ", **EVE)
