"""A launch that the report does not recommend: refused on any site until a second reviewer signs.

No guardrail set exists here, so nothing else asks for a review.
"""

import html

import pytest

from experiments import services as experiments
from experiments.models import Experiment
from flags import services as flags
from flags.models import Environment
from governance.services import reviews
from ledger.refusals import Refused
from organisation import services as organisation
from tests.apps.analysis import world
from tests.apps.flags import build
from tests.apps.governance import open_experiments, open_worlds
from tests.apps.governance.open_experiments import ROSA, decide
from tests.apps.governance.open_worlds import ALL, BY, NOW, rule

pytestmark = pytest.mark.django_db
SECOND = "needs a second reviewer"
AGAINST = ("ROLL BACK", "KEEP RUNNING", "DECIDE", "NO EFFECT LARGE ENOUGH", "INCONCLUSIVE")
PLACE: dict = {"flag": world.KEY, "environment": "production"}


def shipped():
    """Both ways to decide, each taken back."""
    ways = {"at once": True, "step by step": False}
    return open_worlds.refusals({name: _deciding(at_once) for name, at_once in ways.items()})


def _deciding(at_once):
    return lambda: decide(at_once=at_once) and None


def is_asked_of(said):
    return {name: f"a launch against it {SECOND}" in words for name, words in said.items()}


@pytest.mark.parametrize("verdict", AGAINST)
def test_ship__report_says_otherwise__needs_a_second_reviewer_without_any_policy(verdict):
    open_worlds.measured(verdict)

    said = shipped()

    assert is_asked_of(said) == {"at once": True, "step by step": True}
    assert f"the report of {world.KEY} says {verdict}" in said["at once"]


def test_ship__the_newest_report_counts__not_the_one_that_is_quoted():
    open_worlds.measured()
    earlier = open_experiments.sha256()
    open_worlds.reported(Experiment.objects.get(key=world.KEY), "INCONCLUSIVE", number=1)

    with pytest.raises(Refused, match=SECOND):
        experiments.decide(key=world.KEY, taken="ship", snapshot_sha256=earlier, reason="better", **ROSA)


@pytest.mark.parametrize("taken", ["roll_back", "iterate", "abandon"])
def test_decision__nothing_is_shipped__asks_nobody(taken):
    open_worlds.measured("INCONCLUSIVE")

    experiments.decide(
        key=world.KEY, taken=taken, snapshot_sha256=open_experiments.sha256(), reason="no", **ROSA
    )

    assert Experiment.objects.get(key=world.KEY).state == "decided"


def test_ship__report_recommends_it_or_no_production__asks_nobody():
    open_worlds.measured()
    agreed = shipped()
    open_worlds.reported(Experiment.objects.get(key=world.KEY), "INCONCLUSIVE", number=1)
    Environment.objects.update(is_production=False)

    elsewhere = shipped()

    assert {*agreed.values(), *elsewhere.values()} == {"went through"}


def test_flag__opened_after_an_a_a__asks_nobody():
    open_worlds.measured("INCONCLUSIVE", kind="aa")

    assert open_worlds.refusals({"it": lambda: opened(default="on")}) == {"it": "went through"}


def test_ship__two_people_sign_with_reasons__goes_through_and_one_is_too_few():
    open_worlds.measured("INCONCLUSIVE")
    asked = open_worlds.unsigned(experiment=world.KEY)
    yes: dict = {"id": asked.id, "discipline": "performance", "answer": "approved", "now": NOW}

    for who in ("rosa", "pia"):  # the owner, and somebody without a reason
        with pytest.raises(Refused):
            reviews.sign(**yes, actor=who)
    reviews.sign(**yes, actor="pia", note="it is faster on old phones")
    with pytest.raises(Refused, match="two people sign against the report"):
        decide()
    reviews.sign(**yes, actor="paul", note="I looked at the distribution")

    assert decide().recommended == "INCONCLUSIVE"


def test_flag__opened_past_the_decision__needs_the_second_reviewer_too():
    open_worlds.measured("ROLL BACK")
    opening = {
        "published": lambda: opened(rules=[rule(ALL)]),
        "by default": lambda: opened(default="on"),
        "shipped": lambda: flags.ship_variant(**PLACE, variant="on", experiment="x", reason="so", **BY),
    }

    undecided = open_worlds.refusals(opening)
    experiments.decide(
        key=world.KEY, taken="iterate", snapshot_sha256=open_experiments.sha256(), reason="no", **ROSA
    )
    decided = open_worlds.refusals(opening)

    assert is_asked_of(undecided) == is_asked_of(decided) == dict.fromkeys(opening, True)


def test_flag__a_new_experiment_begun_first__its_missing_report_hides_no_earlier_one():
    open_worlds.measured("ROLL BACK")
    ship_by_hand = {"it": lambda: opened(default="on")}
    experiments.decide(
        key=world.KEY, taken="iterate", snapshot_sha256=open_experiments.sha256(), reason="no", **ROSA
    )
    experiments.follow_on(key=world.KEY, new_key="again", **ROSA)
    experiments.start(key="again", coverage_ppm=10_000, **ROSA)
    experiments.stop(key="again", reason="at once", **ROSA)

    hidden = open_worlds.refusals(ship_by_hand)
    open_worlds.reported(Experiment.objects.get(key="again"))
    followed = open_worlds.refusals(ship_by_hand)

    assert is_asked_of(hidden) == {"it": True}, hidden
    assert followed == {"it": "went through"}


def opened(**changes):
    build.published(changes.pop("rules", []), flag=world.KEY, **changes)


def test_roll_out__decided_on_a_report_that_said_ship__goes_on_when_a_later_one_does_not():
    open_worlds.measured()
    open_experiments.decided()
    open_worlds.reported(Experiment.objects.get(key=world.KEY), "INCONCLUSIVE", number=1)

    open_experiments.rolling()

    assert Experiment.objects.get(key=world.KEY).state == "rolling_out"


@pytest.fixture
def rosa(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def test_refusal__nobody_else_has_an_account__says_how_somebody_gets_one(rosa, django_user_model):
    open_worlds.measured("INCONCLUSIVE")

    alone = fix_of(rosa)
    django_user_model.objects.create_user("pia")
    with_one = fix_of(rosa)
    django_user_model.objects.create_user("paul")
    with_two = fix_of(rosa)

    assert "nobody could sign for performance: an admin makes accounts" in alone
    assert "only pia could sign" in with_one
    assert with_two.endswith("two people who neither ask for it nor own it sign.")


def test_refusal__roles_hold__counts_those_who_review_performance_there(rosa, django_user_model):
    open_worlds.measured("INCONCLUSIVE")
    for name in ("pia", "paul", "root"):
        django_user_model.objects.create_user(name, is_superuser=name == "root")
    for name, role in (("root", "admin"), ("rosa", "experimenter"), ("pia", "reviewer")):
        discipline = "performance" if role == "reviewer" else ""
        organisation.grant(user=name, role=role, discipline=discipline, actor="root", now=NOW)

    assert "only pia could sign" in fix_of(rosa)


def fix_of(browser):
    """What the API says clears it."""
    answer = browser.post(f"/api/v1/experiments/{world.KEY}/decide", asked(), content_type="application/json")
    assert answer.status_code == 409, answer.content
    return answer.json()["problems"][0]["fix"]


def asked():
    return {"taken": "ship", "snapshot_sha256": open_experiments.sha256(), "reason": "we want it"}


def test_page__against_the_report__says_so_before_and_keeps_what_was_typed(rosa):
    open_worlds.measured("INCONCLUSIVE")
    page = f"/experiments/{world.KEY}"

    before = rosa.get(f"{page}/decision/", {"snapshot": open_experiments.sha256()})
    after = rosa.post(f"{page}/decide/", {**asked(), "how": "at_once"})

    assert "goes against it" in before.content.decode()
    assert (after.status_code, Experiment.objects.get(key=world.KEY).state) == (409, "stopped")
    said = html.unescape(after.content.decode())
    assert SECOND in said
    assert "Open a launch review on the experiment" in said
    assert "we want it" in said
