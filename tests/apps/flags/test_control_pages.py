# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Pages of reviews, holdouts, schedules, clean-ups and saved filters; refused forms keep what was typed."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from flags import queries, services
from flags.models import CleanUpTick, SavedFilter, ScheduledChange, SdkKey
from tests.apps.flags.build import (
    BY,
    HALF,
    definition,
    draft,
    environment,
    flag,
    layer,
    live,
    published,
    split,
)

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
SOON = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def rosa(django_user_model):
    return browser_of(django_user_model, "rosa")


@pytest.fixture
def sam(django_user_model):
    return browser_of(django_user_model, "sam")


def browser_of(people, name):
    found = Client()
    found.force_login(people.objects.create_user(name))
    return found


def post(browser, path, **fields):
    return browser.post(f"/flags/{path}", {"environment": "production", **fields})


@pytest.mark.parametrize(
    ("path", "typed", "kept"),
    [
        ("environments/", {"key": "Not A Key", "is_production": "on"}, ["Not A Key", "checked"]),
        ("layers/", {"key": "Not A Key", "unit_type": "account"}, ["Not A Key", 'value="account"']),
        (
            "keys/",
            {"name": "", "scope": "read", "accepts_history": "on"},
            ['value="read" selected', "checked"],
        ),
        ("holdouts/", {"key": "all", "share": "80", "unit_type": "user"}, ['value="80"', 'value="all"']),
        (
            "checkout/schedule/",
            {"kind": "coverage", "coverage": "lots", "run_at": SOON},
            ['value="lots"', SOON],
        ),
    ],
)
def test_form__refused__says_why_and_keeps_what_was_typed(rosa, path, typed, kept):
    flag()
    published([split()])
    before = SdkKey.objects.count()

    answer = post(rosa, path, **typed)

    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert all(each in answer.text for each in kept)
    assert SdkKey.objects.count() == before


def test_review__of_a_draft__each_sees_what_they_can_do(rosa, sam):
    flag()
    post(rosa, "environments/production/review/require/", reason="real users")
    saved = services.save_draft(
        **AT, definition={**definition(), "rules": [split()]}, actor="rosa", now=timezone.now()
    )

    before = rosa.get("/flags/checkout/").text
    post(rosa, f"checkout/versions/{saved.number}/submit/", reason="please look")
    mine, others = (each.get("/flags/checkout/").text for each in (rosa, sam))
    approved = post(sam, f"checkout/versions/{saved.number}/approve/", reason="fine")
    after = rosa.get("/flags/checkout/").text
    post(rosa, "checkout/publish/", seen=saved.checksum)

    assert "Submit for review" in before
    assert "It waits for somebody other than rosa" in mine
    assert "Approve</button>" in others
    assert approved.status_code == 302
    assert "Approved by sam" in after
    assert live().number == saved.number


def test_review__of_an_own_version__refused_and_the_reason_can_be_sent_again(rosa):
    flag()
    saved = draft([split()])
    services.submit_version(**AT, version=saved.number, actor="rosa", now=timezone.now())

    answer = post(rosa, f"checkout/versions/{saved.number}/approve/", reason="I looked twice")

    assert answer.status_code == 422
    assert 'value="I looked twice"' in answer.text
    assert '<input type="hidden" name="environment" value="production">' in answer.text


def test_rule_for_everybody__folded__a_draft_whose_default_says_it(rosa):
    flag()
    published([{"id": "r1", "variant": "on"}])
    before = rosa.get("/flags/checkout/").text

    folded = post(rosa, "checkout/fold/")
    again = post(rosa, "checkout/fold/")

    assert "Make “on” the default" in before
    assert "Make “on” the default" not in rosa.get("/flags/checkout/").text
    assert (folded.status_code, again.status_code) == (302, 422)
    waiting = queries.draft(queries.flag("checkout"), queries.environment("production"))
    assert (waiting.definition["default"], waiting.definition["rules"]) == ("on", [])


def test_version__rejected__says_why_and_can_be_taken_up_again(rosa, sam):
    flag()
    saved = draft([split(123_000)])
    services.submit_version(**AT, version=saved.number, **BY)

    post(sam, f"checkout/versions/{saved.number}/reject/", reason="too fast")

    page = rosa.get(f"/flags/checkout/versions/{saved.number}/").text
    assert "too fast" in page
    assert f"from={saved.number}" in page
    assert "123000" in rosa.get(f"/flags/checkout/edit/?environment=production&from={saved.number}").text


def test_holdout__planned_started_ended__from_the_page(rosa):
    flag()
    layer(key="page")

    post(rosa, "holdouts/", key="all-2026", share="10", unit_type="user", title="This year")
    planned = rosa.get("/flags/holdouts/").text
    post(rosa, "holdouts/all-2026/start/", reason="a year")
    services.publish_experiment_rule(**AT, experiment="prefetch", arms=HALF, coverage_ppm=5, **BY)
    holding = rosa.get("/flags/holdouts/").text
    post(rosa, "holdouts/all-2026/end/", reason="measured")

    assert "planned" in planned
    assert "10 % of all units (by user) in production" in planned
    assert "all experiments" in planned
    assert "End the holdout" in holding
    assert 'href="/flags/checkout/?environment=production">checkout</a>' in holding
    assert queries.holdout("all-2026").state == "over"
    assert "outside holdout all-2026" in rosa.get("/flags/checkout/").text


def test_holdouts__none__page_says_what_they_are_for(rosa):
    assert "There is no environment yet" in rosa.get("/flags/holdouts/").text
    environment()
    assert "There is no holdout yet" in rosa.get("/flags/holdouts/").text


def test_schedule__planned__on_the_flag_page_and_cancelled(rosa):
    flag()
    published([split(100_000)])

    post(rosa, "checkout/schedule/", kind="coverage", coverage="25", run_at=SOON, reason="the sale")
    change = ScheduledChange.objects.get()
    page, schedule = rosa.get("/flags/checkout/").text, rosa.get("/flags/checkout/schedule/").text
    post(rosa, f"scheduled/{change.id}/cancel/")

    assert (change.coverage_ppm, change.run_at.strftime("%Y-%m-%dT%H:%M")) == (250_000, SOON)
    assert "Set the coverage to 25 %" in page
    assert "the sale" in schedule
    assert "Nothing is scheduled." in rosa.get("/flags/checkout/schedule/").text
    assert "cancelled" in rosa.get("/flags/checkout/schedule/").text


def test_schedule__needs_approval__somebody_else_gives_it(rosa, sam):
    flag()
    published([split(100_000)])
    services.require_review(environment="production", is_required=True, reason="users", **BY)
    post(rosa, "checkout/schedule/", kind="coverage", coverage="25", run_at=SOON)
    change = ScheduledChange.objects.get()

    mine, others = (each.get("/flags/checkout/schedule/").text for each in (rosa, sam))
    post(sam, f"scheduled/{change.id}/approve/")

    change.refresh_from_db()
    assert "needs the approval of somebody else" in mine
    assert ">Approve</button>" not in mine
    assert ">Approve</button>" in others
    assert change.approved_by == "sam"


def test_schedule__publication_of_the_draft__named_by_its_number(rosa):
    flag()
    saved = draft([split()])

    post(rosa, "checkout/schedule/", kind="publish", run_at=SOON)

    assert ScheduledChange.objects.get().version == saved
    assert f"Publish version {saved.number}" in rosa.get("/flags/checkout/").text


def test_clean_up__ticked_and_taken_back__with_who_and_in_the_history(rosa):
    flag(expires_on="2026-01-01")

    before = rosa.get("/flags/checkout/").text
    post(rosa, "checkout/clean-up/code/")
    ticked = rosa.get("/flags/checkout/").text
    post(rosa, "checkout/clean-up/code/")

    assert "This flag has done its work" in before
    assert 'aria-pressed="true"' not in before
    assert 'aria-pressed="true"' in ticked
    assert not CleanUpTick.objects.exists()
    assert "Flag clean-up reopened" in rosa.get("/flags/checkout/history/").text
    assert post(rosa, "checkout/clean-up/nothing/").status_code == 422


def test_filter__saved__offered_to_everybody_and_deleted(rosa, sam):
    flag()
    page = rosa.get("/flags/?environment=production&search=check&page=7").text

    post(rosa, "filters/save/", name="My checks", query="environment=production&search=check&page=7&x=1")

    found = SavedFilter.objects.get()
    assert "Save this filter" in page
    assert found.query == "environment=production&search=check"
    assert "My checks" in sam.get("/flags/").text
    assert post(rosa, "filters/save/", name="My checks", query="search=x").status_code == 409
    assert post(rosa, "filters/save/", name="Nothing", query="page=7").status_code == 422
    post(sam, f"filters/{found.id}/delete/")
    assert not SavedFilter.objects.exists()


def test_settings__schema_backup_and_team__saved_and_refused_ones_kept(rosa):
    flag(value_type="json", variants={"on": {"limit": 1}})
    form = {"title": "", "owner": "ada", "kind": "release", "expires_on": "", "team": ""}

    refused = post(rosa, "checkout/settings/", **form, backup="ada", json_schema='{"type": "array"}')
    saved = post(rosa, "checkout/settings/", **form, backup="bob", json_schema='{"type": "object"}')

    assert refused.status_code == 422
    assert "&quot;array&quot;" in refused.text
    assert saved.status_code == 302
    found = queries.flag("checkout")
    assert (found.backup, found.json_schema) == ("bob", {"type": "object"})
    assert "backup bob" in rosa.get("/flags/checkout/").text
