"""Pages and API of reviews, guardrail sets and waivers: they answer, refuse in words, keep what was typed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from experiments import services as experiments
from governance.models import GuardrailSet, LaunchReview, Waiver
from metrics import services as metrics
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
NOW = timezone.now()
QUESTIONS = ("slower", "failure", "measurement", "personal_data", "promises")


@pytest.fixture(autouse=True)
def place():
    metrics.load_definitions(
        texts={f"{name}.toml": text for name, text in world.METRICS.items()}, actor="rosa", now=NOW
    )
    experiments.create(key="prefetch", content={"title": "Prefetch"}, actor="rosa", now=NOW)


@pytest.fixture
def rosa(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def pia(django_user_model):
    from django.test import Client

    found = Client()
    found.force_login(django_user_model.objects.create_user("pia"))
    return found


def opened(rosa):
    rosa.post("/reviews/open/", {"experiment": "prefetch"})
    return LaunchReview.objects.get()


def members(**row):
    filled = {"metric": "latency-p95", "blocking": "yes", "margin": "5", "margin_unit": "percent", **row}
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", "name": "fast", "scope": ""}
    return {**form, **{f"form-0-{name}": value for name, value in filled.items()}}


@pytest.mark.parametrize("path", ["/reviews/", "/reviews/guardrails/", "/reviews/blockers/"])
def test_pages__nothing_there_yet__say_so(rosa, path):
    answer = rosa.get(path)

    assert answer.status_code == 200
    assert "empty" in answer.content.decode()


def test_findings__each_that_is_cleared_on_a_page__links_to_it(rosa):
    review = opened(rosa)

    page = rosa.get(f"/reviews/{review.id}/").content.decode()

    assert "/reviews/documents/new/?experiment=prefetch" in page
    assert 'href="/experiments/prefetch/">The experiment' in page


def test_open__button_pressed_twice__one_review(rosa):
    opened(rosa)
    answer = rosa.post("/reviews/open/", {"experiment": "prefetch"})

    assert answer.headers["Location"] == f"/reviews/{LaunchReview.objects.get().id}/"


def test_answer__one_question_left_out__same_page_with_what_was_chosen(rosa):
    review = opened(rosa)
    given = dict.fromkeys(QUESTIONS, "no") | {"slower": "yes", "promises": ""}

    answer = rosa.post(f"/reviews/{review.id}/answer/", given)

    assert answer.status_code == 422
    assert '<option value="yes" selected>' in answer.content.decode()


def test_sign__nothing_measured_yet__no_form_and_the_finding_is_shown(rosa, pia):
    review = opened(rosa)
    rosa.post(f"/reviews/{review.id}/answer/", dict.fromkeys(QUESTIONS, "yes"))

    text = pia.get(f"/reviews/{review.id}/").content.decode()

    assert "there is no report to sign" in text
    assert "performance, quality, data, privacy, legal, product" in text


def test_set__bad_margin__refused_and_what_was_typed_stays(pia):
    answer = pia.post("/reviews/guardrails/", members(margin="-3"))

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "a margin is a number above zero" in text
    assert 'value="-3' in text
    assert not GuardrailSet.objects.exists()


def test_set_and_waiver__pages__made_asked_and_granted_by_somebody_else(rosa, pia):
    assert pia.post("/reviews/guardrails/", members()).status_code == 302
    until = (NOW + timedelta(days=5)).date().isoformat()
    asked = {"experiment": "prefetch", "metric": "latency-p95", "expires_on": until, "reason": "text only"}
    rosa.post("/reviews/waivers/ask/", asked)
    waiver = Waiver.objects.get()

    own = rosa.post(f"/reviews/waivers/{waiver.id}/approve/", follow=True)
    assert "Who asks for a waiver cannot grant it" in own.content.decode()
    pia.post(f"/reviews/waivers/{waiver.id}/approve/")

    waiver.refresh_from_db()
    assert (waiver.state, waiver.approver) == ("approved", "pia")
    assert "latency-p95" in rosa.get("/reviews/guardrails/").content.decode()


def test_api__whole_way__review_answers_and_refusals_are_problems(rosa, pia):
    made = rosa.post("/api/v1/reviews", {"experiment": "prefetch"}, content_type="application/json")
    at = f"/api/v1/reviews/{made.json()['review']['id']}"
    answers = {"answers": dict.fromkeys(QUESTIONS, False)}

    after = rosa.post(f"{at}/answers", answers, content_type="application/json")
    signing = {"discipline": "performance", "answer": "approved", "sha256": "0" * 64}
    refused = pia.post(f"{at}/sign", signing, content_type="application/json")

    assert made.status_code == 201
    assert [each["code"] for each in after.json()["findings"] if each["severity"] == "blocking"] == [
        "no_report"
    ]
    assert refused.status_code == 409
    assert "nothing to sign yet" in refused.content.decode()
    assert len(rosa.get("/api/v1/reviews?state=in_review").json()["results"]) == 1


def test_api__guardrail_sets_and_waivers__made_listed_changed_removed(rosa, pia):
    content = {"name": "fast", "members": [{"metric": "latency-p95", "margin": 5}]}
    made = pia.post("/api/v1/guardrail-sets", content, content_type="application/json")
    at = f"/api/v1/guardrail-sets/{made.json()['id']}"
    until = (NOW + timedelta(days=5)).date().isoformat()
    asked = {"experiment": "prefetch", "metric": "latency-p95", "expires_on": until, "reason": "text only"}
    waiver = rosa.post("/api/v1/waivers", asked, content_type="application/json")
    granted = pia.post(
        f"/api/v1/waivers/{waiver.json()['id']}/approve", {"note": "ok"}, content_type="application/json"
    )
    change = {"members": [{"metric": "errors"}], "reason": "errors matter more"}

    assert made.status_code == 201, made.content
    assert granted.json()["state"] == "approved"
    assert pia.put(at, change, content_type="application/json").json()["members"][0]["metric"] == "errors"
    assert pia.delete(at, {"reason": "over"}, content_type="application/json").status_code == 204
    assert pia.get("/api/v1/guardrail-sets").json() == []
