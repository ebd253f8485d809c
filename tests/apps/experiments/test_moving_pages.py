# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Pages of what moves: schedule, review, pause, ramps, roll-out, clean-up."""

import pytest

from experiments import queries, services, status
from experiments.status import Effect, Snapshot
from flags import gates
from flags import services as flag_services
from tests.apps.experiments.build import ARMS, KEY, NOW, drafted, started, stopped

pytestmark = pytest.mark.django_db
SHA = "7f3a9c" + "0" * 58
PROMISE = Effect(
    "orders", "Orders per user", "treatment", 0.01, 0.004, 0.016, True, "+1.0 % (0.4 to 1.6)", SHA
)


@pytest.fixture
def rosa(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


@pytest.fixture
def amir(rosa, django_user_model):
    other = rosa.__class__()
    other.force_login(django_user_model.objects.create_user("amir"))
    return other


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    monkeypatch.setattr(status, "_verdicts", [])
    monkeypatch.setattr(status, "_snapshots", [{SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}.get])
    effects = {(KEY, SHA): PROMISE}
    monkeypatch.setattr(status, "_effects", [lambda key, arm, sha256: effects.get((key, sha256))])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


def post(browser, name, **data):
    return browser.post(f"/experiments/{KEY}/{name}/", data, follow=True)


def text(answer):
    return " ".join(answer.content.decode().split())


def test_schedule__approved_plan__says_when_and_can_be_taken_back(rosa):
    drafted()
    services.submit(key=KEY, actor="rosa", now=NOW)
    services.approve(key=KEY, actor="amir", now=NOW)

    shown = post(rosa, "schedule", start_at="2099-01-01T08:00", coverage="50")
    assert "Starts by itself" in text(shown)
    assert "50" in text(shown)
    post(rosa, "unschedule", reason="later")

    assert queries.experiment(KEY).state == "approved"


def test_change__asked_on_the_page__diff_shown_and_only_others_agree(rosa, amir):
    started()
    services.revise(key=KEY, reason="longer", actor="rosa", now=NOW)
    services.edit(key=KEY, content={"max_days": 60}, actor="rosa", now=NOW)

    shown = text(post(rosa, "request-change", reason="weekends"))
    assert "Change under review" in shown
    assert 'data-label="Then" class="wrap-anywhere">60<' in shown
    assert post(rosa, "approve-change").status_code == 422
    assert "can be applied" in text(post(amir, "approve-change"))
    post(rosa, "apply-change")

    assert queries.plan(KEY).max_days == 60


def test_pause__on_the_page__says_what_it_means_and_resumes(rosa):
    started()

    shown = text(post(rosa, "pause", reason="an incident"))
    assert "Paused: everybody gets" in shown
    post(rosa, "resume", reason="over")

    assert queries.experiment(KEY).state == "running"


def test_ramp__started_from_a_plan__strip_and_approval(rosa, amir):
    steps = [
        {"coverage_ppm": 500_000, "hold_minutes": 60, "needs_approval": True},
        {"coverage_ppm": 1_000_000},
    ]
    flag_services.create_ramp_plan(key="careful", steps=steps, actor="rosa", now=NOW)
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=10_000)

    assert "Let it grow by itself" in text(rosa.get(f"/experiments/{KEY}/plan/"))
    assert "Approve step 1" in text(post(rosa, "ramp", plan="careful"))
    assert "Step 1 is approved" in text(post(amir, "ramp/0", reason="looks fine"))
    post(rosa, "ramp-end", reason="enough")

    assert queries.open_ramp(queries.experiment(KEY)) is None


def decided(rosa, **how):
    stopped()
    return post(rosa, "decide", taken="ship", snapshot_sha256=SHA, reason="orders rose", **how)


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("coverage", {"coverage": "5", "reason": "more of them"}, ['value="5"', 'value="more of them"']),
        ("schedule-stop", {"stop_at": "2001-01-01T08:00", "reason": "old"}, ['value="2001-01-01T08:00"']),
        ("follow-on", {"new_key": KEY}, [f'value="{KEY}"']),
        ("stop", {"reason": "x" * 2001}, ["x" * 2001]),
    ],
)
def test_step__refused__the_same_page_says_why_and_keeps_what_was_typed(rosa, name, typed, kept):
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=100_000)

    answer = post(rosa, name, **typed)

    assert answer.status_code in {409, 422}
    assert "Nothing was changed" in text(answer)
    assert all(each in answer.text for each in kept)


def test_decide__refused__keeps_what_was_typed(rosa):
    stopped()

    answer = post(rosa, "decide", taken="abandon", snapshot_sha256="b" * 64, reason="it lost", how="at_once")

    assert answer.status_code == 422
    assert "has no report with this hash" in text(answer)
    assert ">it lost</textarea>" in answer.text
    assert f'value="{"b" * 64}"' in answer.text
    assert '<option value="abandon" selected>' in answer.text


def test_bind__refused__form_open_with_what_was_typed(rosa):
    drafted()

    answer = post(rosa, "bind", metric="errors", role="guardrail", margin="many", margin_scale="relative")

    assert answer.status_code == 422
    assert 'value="many"' in answer.text


def test_decide__ship__leads_to_the_way_to_everybody(rosa):
    shown = text(decided(rosa, how="rollout"))

    assert "Prepare the roll-out" in shown
    assert "Remove the code of the arms" in shown
    assert "No code was scanned yet" in shown


def test_rollout__prepared_started_followed_up_cleaned__closed(rosa):
    decided(rosa, how="rollout")

    shown = text(post(rosa, "rollout", follow_up_on="2099-02-01"))
    assert "+1.0 % (0.4 to 1.6)" in shown
    assert "there is no hold-back" in shown
    for step in ("start-rollout", "finish-rollout", "follow-up"):
        assert post(rosa, step, reason="as planned").status_code == 200
    for item in ("code", "flag", "targets", "learning"):
        shown = text(post(rosa, f"clean-up/{item}", reason="done"))
    assert "Close the experiment" in shown
    post(rosa, "close")

    assert queries.experiment(KEY).state == "closed"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"follow_up_on": "someday"}, "not a day"),
        ({"follow_up_on": "2001-01-01"}, "this day is past"),
        ({"holdback": "many"}, "not a percentage"),
        ({"holdback": "3"}, "another system assigns"),
        ({"plan": "no-such-plan"}, "no such plan"),
    ],
)
def test_rollout__refused__says_why_and_keeps_what_was_typed(rosa, typed, said):
    decided(rosa, how="rollout")

    answer = post(rosa, "rollout", **typed)

    assert answer.status_code == 422
    assert said in text(answer)
    if "follow_up_on" in typed:
        assert f'value="{typed["follow_up_on"]}"' in text(answer)


def test_rollout__nothing_decided__says_what_comes_first(rosa):
    stopped()

    assert "Nothing is decided yet" in text(rosa.get(f"/experiments/{KEY}/rollout/"))


def test_follow_on__key_taken__refused_else_a_draft(rosa):
    started()

    assert post(rosa, "follow-on", new_key=KEY).status_code == 409
    assert "new draft with the same plan" in text(post(rosa, "follow-on", new_key="again"))


def test_edit__team_surface_layer_of_the_lists__kept_and_cleared(rosa):
    from organisation import services as organisation_services

    by: dict = {"actor": "rosa", "now": NOW}
    organisation_services.create_team(key="shop", name="Shop", owner="rosa", **by)
    organisation_services.create_surface(key="checkout", name="Checkout", team="shop", owner="rosa", **by)
    drafted(team="shop", surface="checkout")

    shown = text(rosa.get(f"/experiments/{KEY}/edit/"))
    assert '<option value="checkout" selected>' in shown
    services.edit(key=KEY, content={"surface": ""}, **by)

    assert queries.experiment(KEY).surface_id is None


@pytest.mark.parametrize(("kind", "shown"), [("ablation", True), ("ab", False)])
def test_edit__delay_of_the_arms__asked_for_in_ablations_only_and_kept(rosa, kind, shown):
    drafted(kind=kind)
    if kind == "ablation":
        arms = [{**ARMS[0], "dose_ms": 0}, {**ARMS[1], "dose_ms": 100}]
        services.edit(key=KEY, content={"arms": arms}, actor="rosa", now=NOW)

    page = text(rosa.get(f"/experiments/{KEY}/edit/"))

    assert ("Added delay in ms" in page) is shown
    doses = [arm.dose_ms for arm in queries.draft(*_newest()).arms]
    assert doses == ([0, 100] if shown else [None, None])


def _newest():
    experiment = queries.experiment(KEY)
    return experiment, queries.newest_version(experiment)
