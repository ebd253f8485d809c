"""Opening results early, and two looks side by side, over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import queries as ledger
from tests.apps.experiments.build import started
from tests.apps.report.build import KEY, NOW, reported

pytestmark = pytest.mark.django_db
ONE = f"/api/v1/experiments/{KEY}/report"


@pytest.fixture
def people(client, django_user_model):
    """Logs in whoever is named."""

    def log_in(name):
        client.force_login(django_user_model.objects.get_or_create(username=name)[0])
        return client

    return log_in


def unblind(api, **body):
    return api.post(f"{ONE}/unblind", body, content_type="application/json")


def test_unblind__by_the_owner__everybody_reads_and_the_history_says_so(people, monkeypatch):
    started(owner="rosa")
    reported("keep_running_early", days=3)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=4))
    assert people("mina").get(ONE).status_code == 409

    answer = unblind(people("rosa"), reason="the launch is tomorrow")

    assert (answer.status_code, answer.json()) == (200, {"experiment": KEY, "plan_version": 1})
    assert people("mina").get(ONE).status_code == 200
    [row] = ledger.audit_of(f"experiment:{KEY}").filter(action="report.unblinded")
    assert (row.actor, row.reason) == ("rosa", "the launch is tomorrow")


@pytest.mark.parametrize(("who", "reason"), [("mina", "I am curious"), ("rosa", " ")])
def test_unblind__somebody_else_or_no_reason__refused(people, who, reason):
    started(owner="rosa")
    reported("keep_running_early", days=3)

    assert unblind(people(who), reason=reason).status_code == 422


def test_changes__newest_two__sentences_facts_and_rows(people):
    started()
    before, after = reported("ship", look=1, days=14), reported("roll_back", look=2)

    found = people("rosa").get(f"{ONE}/changes").json()

    assert (found["before"], found["after"]) == (before.sha256, after.sha256)
    assert "The verdict went from SHIP to ROLL BACK." in found["sentences"]
    assert any(row["is_new_state"] and row["after"]["state"] == "Harm" for row in found["rows"])
    assert {"label", "before", "after", "is_changed"} == set(found["facts"][0])


def test_changes__two_named__those_in_that_order(people):
    started()
    looks = [reported("ship", look=number, days=14 + number) for number in (1, 2, 3)]

    found = people("rosa").get(f"{ONE}/changes?before={looks[0].sha256}&after={looks[1].sha256}").json()

    assert (found["before"], found["after"]) == (looks[0].sha256, looks[1].sha256)


def test_changes__a_look_that_cannot_be_trusted__no_rows(people):
    started()
    reported("ship", look=1, days=14)
    reported("srm", look=2)

    assert people("rosa").get(f"{ONE}/changes").json()["rows"] == []


@pytest.mark.parametrize("query", ["", "?before=ffffffffffff", "?after=abc"])
def test_changes__nothing_to_compare__404_with_a_way_on(people, query):
    started()
    reported("ship")

    answer = people("rosa").get(f"{ONE}/changes{query}")

    assert answer.status_code == 404
    assert answer.json()["problems"][0]["fix"]
