# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""The experiment pages."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from experiments import queries, services, status
from experiments.plan import Trigger
from experiments.status import Pill, Snapshot
from flags import gates
from ledger import queries as ledger_queries
from tests.apps.experiments.build import ARMS, KEY, NOW, drafted, metrics, started, stopped

pytestmark = pytest.mark.django_db
SHA = "7f3a9c" + "0" * 58


@pytest.fixture(autouse=True)
def verdicts(monkeypatch):
    """Verdicts by experiment, as the analysis would register them."""
    known: dict = {}
    monkeypatch.setattr(status, "_verdicts", [lambda keys: {key: known[key] for key in keys if key in known}])
    monkeypatch.setattr(status, "_snapshots", [])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    return known


def form(**changes):
    """What the browser posts for a complete plan."""
    arms: dict = {}
    for index in range(4):
        row: dict = ARMS[index] if index < len(ARMS) else {}
        weight = row.get("weight_ppm", 0) / 10_000 or ""
        role = row.get("role", "treatment")
        arms |= {
            f"arms-{index}-key": row.get("key", ""),
            f"arms-{index}-variant": row.get("variant", ""),
            f"arms-{index}-weight": weight,
            f"arms-{index}-role": role,
        }
    return {
        "key": KEY,
        "title": "Prefetch payment methods",
        "owner": "rosa",
        "kind": "ab",
        "flag": KEY,
        "environment": "production",
        "unit_type": "user",
        "change": "Prefetch payment methods",
        "audience": "signed-in users",
        "metric": "orders",
        "direction": "up",
        "expected": "1",
        "expected_scale": "relative",
        "mechanism": "the last step opens faster",
        "refuted_if": "orders do not rise by 1 %",
        "inference": "always_valid",
        "alpha": "0.05",
        "min_days": "7",
        "max_days": "28",
        "planned_units": "10000",
        "dimensions": "country, device",
        "filters": "country = NL",
        "excluded": "traffic = bot\ntraffic = internal",
        "trigger": "checkout-opened",
        "trigger_where": "page = checkout",
        "arms-TOTAL_FORMS": "4",
        "arms-INITIAL_FORMS": "0",
        **arms,
        **changes,
    }


def test_list__no_experiments__says_how_to_begin(browser):
    page = browser.get("/experiments/").text

    assert "There are no experiments yet" in page
    assert "/experiments/new/" in page


def test_list__running_with_a_verdict__worst_fact_in_the_pill(browser, verdicts):
    started()
    verdicts[KEY] = Pill("ROLL BACK", "roll-back", "checkout is slower")

    page = browser.get("/experiments/").text

    assert '<span class="pill pill-roll-back">ROLL BACK</span>' in page
    assert "checkout is slower" in page
    assert "2026-03-02 09:00 UTC" in page


def test_list__filtered__only_matches_and_no_dead_end(browser):
    drafted()

    assert "Prefetch payment methods" in browser.get("/experiments/?search=prefetch&state=draft").text
    assert "No experiment matches" in browser.get("/experiments/?state=running").text
    assert browser.get("/experiments/?search=%01&state=x&page=-1").status_code == 200


def test_list__many_rows__number_of_queries_does_not_grow(browser, django_assert_num_queries):
    drafted()
    with django_assert_num_queries(9):
        browser.get("/experiments/")
    services.create(key="second", content={"title": "Second"}, actor="rosa", now=NOW)

    with django_assert_num_queries(9):
        browser.get("/experiments/")


def test_experiment__not_started__leads_to_the_plan(browser):
    drafted()

    assert browser.get(f"/experiments/{KEY}/").headers["Location"] == f"/experiments/{KEY}/plan/"


def test_experiment__started__leads_to_the_report(browser):
    started()

    assert browser.get(f"/experiments/{KEY}/").headers["Location"] == f"/experiments/{KEY}/report/"


@pytest.mark.parametrize("tab", ["", "plan/", "history/", "edit/", "decision/"])
def test_experiment__unknown__404_in_words(browser, tab):
    answer = browser.get(f"/experiments/nothing/{tab}")

    assert answer.status_code == 404
    assert "no experiment with this key" in answer.text


def test_new__empty_form__visitor_is_owner_and_two_arms_are_there(browser):
    metrics()

    page = browser.get("/experiments/new/").text

    assert re.search(r'name="owner" value="rosa"', page)
    assert re.search(r'name="arms-0-variant" value="off"', page)


def test_new__complete_form__stored_as_written(browser):
    metrics()

    answer = browser.post("/experiments/new/", form())

    experiment = queries.experiment(KEY)
    plan = queries.candidate(experiment, queries.newest_version(experiment))
    assert answer.headers["Location"] == f"/experiments/{KEY}/plan/"
    assert [(arm.key, arm.weight_ppm, arm.role) for arm in plan.arms] == [
        ("control", 500_000, "control"),
        ("treatment", 500_000, "treatment"),
    ]
    assert (plan.hypothesis.expected.value, plan.hypothesis.expected.relative) == (0.01, True)
    assert (plan.dimensions, plan.filters) == (("country", "device"), (("country", "NL"),))
    assert plan.excluded == (("traffic", "bot"), ("traffic", "internal"))
    assert plan.trigger == Trigger("checkout-opened", (("page", "checkout"),))
    assert not experiment.assigned_here


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"key": "Not A Key"}, "this is not a key"),
        ({"title": ""}, "this is empty"),
        ({"alpha": "0.9"}, "this is not between 0.0001 and 0.2"),
        ({"min_days": "40"}, "this is more than max_days = 28"),
        ({"arms-1-weight": "49.99"}, "the weights add up to 99.99 %, must be 100 %"),
        ({"arms-1-weight": "-1"}, "greater than or equal to 0"),
        ({"metric": "unknown"}, "Select a valid choice"),
        ({"alpha": "much"}, "Enter a number"),
        ({"title": "a\u202eb"}, "U+202E"),
        ({"excluded": "traffic ="}, "this is empty"),
        ({"trigger": ""}, "this is empty"),
    ],
)
def test_new__bad_field__said_beside_the_form_and_nothing_stored(browser, changes, shown):
    metrics()

    answer = browser.post("/experiments/new/", form(**changes))

    assert answer.status_code == 422
    assert shown in answer.text
    assert not queries.experiments().exists()


def test_new__no_arm_rows_sent__422_and_not_500(browser):
    metrics()
    sent = {name: value for name, value in form().items() if not name.startswith("arms-")}

    assert browser.post("/experiments/new/", sent).status_code == 422


def test_edit__draft__form_holds_what_was_written(browser):
    drafted(filters={"country": "NL"}, excluded={"traffic": ["bot", "own"]}, trigger={"event": "opened"})

    page = browser.get(f"/experiments/{KEY}/edit/").text

    assert 'name="arms-1-weight" value="50"' in page
    assert 'name="expected" value="1.0"' in page
    assert "country = NL" in page
    assert "traffic = bot\ntraffic = own" in page
    assert 'name="trigger" value="opened"' in page


def test_edit__posted__changed(browser):
    drafted()

    browser.post(f"/experiments/{KEY}/edit/", form(title="Prefetch cards"))

    assert queries.experiment(KEY).title == "Prefetch cards"


def test_edit__started__409_with_the_way_out(browser):
    started()

    answer = browser.get(f"/experiments/{KEY}/edit/")

    assert answer.status_code == 409
    assert "Make a new version" in answer.text


def test_plan__draft__sentence_metrics_and_checklist(browser):
    drafted()

    page = browser.get(f"/experiments/{KEY}/plan/").text

    assert "Prefetch payment methods for signed-in users: Orders rises by 1 % or more" in page
    assert "Refuted if: orders do not rise by 1 %" in page
    assert "5 % of the control&#x27;s value" in page
    assert "Before it can start" in page
    assert f'action="/experiments/{KEY}/start/"' in page


def test_plan__gaps__no_start_button(browser):
    drafted(owner="")

    page = browser.get(f"/experiments/{KEY}/plan/").text

    assert "nobody answers for this experiment" in page
    assert "1 gap above keeps it from starting" in page
    assert f'action="/experiments/{KEY}/start/"' not in page


def test_plan__no_metrics_at_all__leads_to_writing_one(browser):
    services.create(key=KEY, content={"title": "Empty"}, actor="rosa", now=NOW)

    page = browser.get(f"/experiments/{KEY}/plan/").text

    assert "/metrics/new/" in page


def test_plan__started__hash_and_no_edit_button(browser):
    started()

    page = browser.get(f"/experiments/{KEY}/plan/").text

    assert queries.plan(KEY).sha256 in page
    assert f"/experiments/{KEY}/edit/" not in page


def test_bind__posted__margin_in_per_cent(browser):
    drafted()
    sent = {
        "metric": "errors",
        "role": "guardrail",
        "margin": "3",
        "margin_scale": "relative",
        "gain_scale": "relative",
    }

    browser.post(f"/experiments/{KEY}/bind/", sent)

    experiment = queries.experiment(KEY)
    bound = queries.candidate(experiment, queries.newest_version(experiment)).bindings[1]
    assert (bound.metric, bound.margin.value, bound.margin.relative) == ("errors", 0.03, True)


@pytest.mark.parametrize(
    "sent", [{}, {"metric": "none", "role": "x"}, {"metric": "errors", "role": "primary", "margin": "x"}]
)
def test_bind__bad_form__422_in_words(browser, sent):
    drafted()

    answer = browser.post(f"/experiments/{KEY}/bind/", sent)

    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text


def test_unbind__posted__gone(browser):
    drafted()

    browser.post(f"/experiments/{KEY}/unbind/errors/")

    assert "errors" not in {
        row.metric for row in queries.newest_version(queries.experiment(KEY)).bindings.all()
    }


def test_start__posted__runs_with_the_coverage(browser):
    drafted()

    browser.post(f"/experiments/{KEY}/start/", {"coverage": "12.5"})

    assert queries.open_phase(KEY).coverage_ppm == 125_000


@pytest.mark.parametrize("coverage", ["", "all", "nan", "inf", "-1", "0", "101", "1e999999"])
def test_start__coverage_that_is_none__422(browser, coverage):
    drafted()

    assert browser.post(f"/experiments/{KEY}/start/", {"coverage": coverage}).status_code == 422
    assert queries.experiment(KEY).state == "draft"


@pytest.mark.parametrize(
    ("build", "name", "state"),
    [
        (drafted, "submit", "in_review"),
        (started, "stop", "stopped"),
        (started, "invalidate", "invalid"),
        (started, "revise", "running"),
    ],
)
def test_step__posted_with_a_reason__done_by_the_visitor(browser, build, name, state):
    build(now=timezone.now() - timedelta(days=8)) if build is started else build()

    answer = browser.post(f"/experiments/{KEY}/{name}/", {"reason": "because"})

    row = ledger_queries.audit_of(f"experiment:{KEY}").first()
    assert answer.status_code == 302
    assert (queries.experiment(KEY).state, row.actor, row.reason) == (state, "rosa", "because")


@pytest.mark.parametrize("reason", ["", "a\0b", "x" * 2001, "\u202e"])
def test_step__bad_reason__422(browser, reason):
    started()

    assert browser.post(f"/experiments/{KEY}/stop/", {"reason": reason}).status_code == 422


@pytest.mark.parametrize("name", ["submit", "stop", "start", "decide", "bind"])
def test_step__get__405(browser, name):
    drafted()

    assert browser.get(f"/experiments/{KEY}/{name}/").status_code == 405


def test_step__impossible__409_saying_what_is_possible(browser):
    drafted()

    answer = browser.post(f"/experiments/{KEY}/stop/", {"reason": "enough"})

    assert answer.status_code == 409
    assert "From here it can become: in review, running" in answer.text


def test_decision__report_known__verdict_shown_and_recorded(browser, monkeypatch):
    stored = Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)
    monkeypatch.setattr(status, "_snapshots", [lambda sha256: stored if sha256 == SHA else None])
    stopped()

    page = browser.get(f"/experiments/{KEY}/decision/?snapshot={SHA}").text
    browser.post(
        f"/experiments/{KEY}/decide/", {"taken": "ship", "snapshot_sha256": SHA, "reason": "orders rose"}
    )

    assert "The report says <strong>SHIP</strong>" in page
    assert SHA in page
    assert "orders rose" in browser.get(f"/experiments/{KEY}/history/").text


def test_history__started__phase_version_and_audit(browser):
    started()

    page = browser.get(f"/experiments/{KEY}/history/").text

    assert "Experiment version locked" in page
    assert "2026-03-02 09:00 UTC" in page
    assert queries.plan(KEY).sha256[:12] in page


def test_pages__any__no_inline_script_or_style(browser):
    drafted()

    for path in ("", "new/", f"{KEY}/plan/", f"{KEY}/edit/", f"{KEY}/history/", f"{KEY}/decision/"):
        page = browser.get(f"/experiments/{path}").text
        assert "<style" not in page
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]*src=)", page)
