"""Ways in which somebody who may experiment, and no more, could serve a change to everybody round its review.

Each begins where its steps would go unnoticed; what would finish it is refused. Where nothing forbids it, the
same steps go through, so that the refusal is known to come from the review.
"""

import pytest

from analysis import services as looks
from experiments import services as experiments
from flags import queries as flag_queries
from flags import services as flags
from governance import review_queries
from governance.services import reviews
from ledger.refusals import Conflict
from tests.apps.analysis import world
from tests.apps.flags import build
from tests.apps.governance import open_experiments, open_worlds
from tests.apps.governance.open_experiments import ROSA
from tests.apps.governance.open_worlds import ALL, BY, HALF, NOW, rule, step

pytestmark = pytest.mark.django_db
UNSIGNED, HARMED, UNREVIEWED = "lacks the sign-off", "is harmed in arm", "was not reviewed"
PLAIN: dict = {"flag": "plain", "environment": "production"}


@pytest.fixture
def plain():
    """A flag of a team, half open."""
    open_worlds.team()
    build.flag("plain", team="buyers")
    build.published([rule(HALF)], flag="plain")


def refused(path, words):
    """The path is refused with the words now, and goes through when everything is settled."""
    assert open_worlds.let_through({"it": path}, words) == {}
    open_worlds.settled()
    assert open_worlds.refusals({"it": path}) == {"it": "went through"}


def unsigned(flag="plain"):
    open_worlds.policy()
    open_worlds.unsigned(flag=flag, environment="production")


def with_off(variant):
    build.published([rule(HALF)], flag="plain", off=variant)


def behind_the_kill_switch():
    with_off("on")
    flags.switch_off(**PLAIN, reason="slow", **BY)


def by_default():
    with_off("on")
    build.published([], flag="plain", default="on", off="on")


@pytest.mark.parametrize("path", [behind_the_kill_switch, by_default])
def test_kill_switch__serves_the_new_variant_instead__is_a_launch(path, plain):
    unsigned()

    refused(path, UNSIGNED)


def test_slots__halves_of_a_layer_one_after_the_other__the_second_is_a_launch(plain):
    build.layer()
    halves = [
        rule(ALL, id=f"half-{low}", layer={"key": "checkout-page", "slots": [[low, low + HALF]]})
        for low in (0, HALF)
    ]
    build.published(halves[:1], flag="plain")
    unsigned()

    refused(lambda: build.published(halves, flag="plain") and None, UNSIGNED)


def test_prerequisite__opened_or_dropped__the_flag_behind_it_is_launched_with_it(plain):
    build.flag("gate")
    build.published([rule(HALF)], flag="gate")
    needs = [{"flag": "gate", "variants": ["on"]}]
    build.published([], flag="plain", default="on", prerequisites=needs)
    unsigned()

    for path in (
        lambda: flags.set_coverage(flag="gate", environment="production", coverage_ppm=ALL, **BY) and None,
        lambda: build.published([], flag="plain", default="on", prerequisites=[]) and None,
    ):
        assert open_worlds.let_through({"it": path}, UNSIGNED) == {}
    flags.set_coverage(flag="gate", environment="production", coverage_ppm=900_000, **BY)
    flags.switch_off(flag="gate", environment="production", reason="harm", **BY)


def test_second_production__served_there_for_the_first_time__is_a_launch_there_too(plain):
    build.environment("elsewhere")
    open_worlds.policy()
    place = {"flag": "plain", "environment": "elsewhere"}
    content = {**build.definition("plain"), "rules": [], "default": "on", "off": "on"}
    draft = flags.save_draft(**place, definition=content, **BY)

    path = {"it": lambda: flags.publish(**place, version=draft.number, **BY)}
    assert open_worlds.let_through(path, UNREVIEWED) == {}
    flags.serve_default(**place, **BY)


def test_team__taken_off_the_flag_first__its_guardrails_stay_for_a_while(plain):
    open_worlds.policy()
    flags.edit_flag(flag="plain", content={"team": ""}, **BY)

    path = {"it": lambda: flags.set_coverage(**PLAIN, coverage_ppm=ALL, **BY)}
    assert open_worlds.let_through(path, UNREVIEWED) == {}


@pytest.fixture
def site():
    flags.create_environment(key="production", is_production=True, actor="ada", now=NOW)
    open_worlds.team()


def arms(*planned):
    roles = ["control", *["treatment"] * (len(planned) - 1)]
    return [
        {"key": f"arm-{number}", "variant": variant, "weight_ppm": share, "role": role}
        for number, ((variant, share), role) in enumerate(zip(planned, roles, strict=True))
    ]


def drafted(key, planned, **changes):
    """A draft on a flag of its own, which policies watch."""
    open_worlds.begun(key, starts=False, **changes)
    experiments.edit(key=key, content={"arms": arms(*planned)}, **ROSA)


TWINS = {"off": False, "on": True, "on-too": True}


def twins():
    flags.create_flag(key="twins", value_type="bool", variants=TWINS, default="off", actor="ada", now=NOW)
    drafted("twins-of", [("off", 20_000), ("on", HALF), ("on-too", 480_000)], flag="twins")


@pytest.mark.parametrize(
    ("key", "draft"),
    [
        ("swapped", lambda: drafted("swapped", [("on", 990_000), ("off", 10_000)])),
        ("twins-of", twins),
        ("held", lambda: drafted("held", [("off", 10_000), ("on", 990_000)], kind="holdout")),
    ],
)
def test_plan__new_value_called_control_or_by_two_names_or_a_hold_back__is_a_launch(key, draft, site):
    draft()
    path = {"it": lambda: experiments.start(key=key, **ROSA) and None}
    assert open_worlds.refusals(path) == {"it": "went through"}

    open_worlds.policy()

    assert open_worlds.let_through(path, UNREVIEWED) == {}


def test_coverage__a_milder_revision_is_being_written__the_plan_in_force_counts(site):
    open_worlds.begun("half")
    open_worlds.policy()
    experiments.revise(key="half", reason="milder", **ROSA)
    experiments.edit(key="half", content={"arms": arms(("off", HALF), ("on", HALF))}, **ROSA)

    path = {
        "it": lambda: experiments.raise_coverage(key="half", coverage_ppm=ALL, reason="more", **ROSA) and None
    }
    assert open_worlds.let_through(path, UNREVIEWED) == {}


@pytest.mark.parametrize("place", [{"team": ""}, {"surface": "elsewhere"}])
def test_revision__moves_to_where_nobody_signs__refused(place, site):
    open_worlds.begun("half")
    experiments.revise(key="half", reason="move", **ROSA)

    path = {"it": lambda: experiments.edit(key="half", content=place, **ROSA) and None}
    assert open_worlds.let_through(path, "cannot change after the start") == {}


def test_invalid_experiment__its_flag_has_no_team__still_needs_a_review(site):
    open_worlds.begun("half")
    flags.edit_flag(flag="half", content={"team": ""}, **BY)
    open_worlds.policy()
    experiments.invalidate(key="half", reason="never mind", **ROSA)

    path = {"it": lambda: build.published([rule(ALL)], flag="half") and None}
    assert open_worlds.let_through(path, UNREVIEWED) == {}


def test_second_experiment__reviewed_and_newer__does_not_launch_the_first(site):
    open_worlds.begun("first")
    experiments.stop(key="first", reason="not signed", **ROSA)
    open_worlds.begun("second", flag="first")
    experiments.stop(key="second", reason="done", **ROSA)
    open_experiments.forbid("a sign-off is missing", "first", "second")
    signed = review_queries.review_of(experiment="second")
    reviews.sign(id=signed.id, discipline="performance", answer="approved", actor="pia", now=NOW)

    refused(lambda: build.published([], flag="first", default="on") and None, UNSIGNED)


def test_ramp__approved_before_the_harm__does_not_take_the_step(plain):
    steps = [step(900_000), step(ALL, needs_approval=True)]
    run = flags.start_ramp(**PLAIN, steps=steps, **BY)
    flags.approve_step(ramp_id=run.id, step=1, actor="otto", now=NOW)
    open_worlds.definitions()
    open_worlds.trip("plain")

    with pytest.raises(Conflict, match=HARMED):
        flags.jump_ramp(ramp_id=run.id, step=1, reason="approved", **BY)

    assert flag_queries.ramp(run.id).set_ppm == 900_000


@pytest.mark.parametrize("step", ["approve", "approve-change", "ramp/approve-step"])
def test_key__of_who_asked__is_no_second_person(step, client, site):
    open_worlds.begun("half", starts=False)
    experiments.submit(key="half", **ROSA)
    _, secret = flags.create_key(environment="production", name="rosas", scope="admin", **BY)

    address = f"/api/v1/experiments/half/{step}"
    answer = client.post(
        address, {}, content_type="application/json", headers={"Authorization": f"Bearer {secret}"}
    )

    assert (answer.status_code, "second person" in answer.text) == (403, True)


@pytest.mark.parametrize("step", ["resolve", "waive"])
def test_key__settling_a_trip__takes_a_person(step, client, site):
    open_worlds.begun("half")
    open_worlds.trip("half")
    trip = open_worlds.analysis.unsettled_trips().get()
    _, secret = flags.create_key(environment="production", name="rosas", scope="admin", **BY)

    address = f"/api/v1/trips/{trip.id}/{step}"
    answer = client.post(
        address,
        {"reason": "fine"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )

    assert answer.status_code == 403
    trip.refresh_from_db()
    assert trip.state == "open"


def test_metric_of_speed__unbound_in_a_revision__its_discipline_still_signs(site):
    open_worlds.begun("alone", team="")
    flags.edit_flag(flag="alone", content={"team": ""}, **BY)
    open_worlds.policy()
    experiments.revise(key="alone", reason="other metrics", **ROSA)
    experiments.unbind_metric(key="alone", metric="latency-p95", **ROSA)

    path = {
        "it": lambda: (
            experiments.raise_coverage(key="alone", coverage_ppm=ALL, reason="more", **ROSA) and None
        )
    }
    assert open_worlds.let_through(path, UNREVIEWED) == {}


def test_flag__somebody_said_no_to_it__no_experiment_on_it_goes_round_that(site):
    open_worlds.begun("first")
    open_worlds.policy()
    no = open_worlds.unsigned(flag="first", environment="production")
    reviews.sign(id=no.id, discipline="performance", answer="rejected", note="too slow", actor="pia", now=NOW)
    yes = open_worlds.unsigned(experiment="first")
    open_worlds.reported(yes.experiment)
    reviews.sign(id=yes.id, discipline="performance", answer="approved", actor="paul", now=NOW)

    path = {
        "it": lambda: (
            experiments.raise_coverage(key="first", coverage_ppm=ALL, reason="more", **ROSA) and None
        )
    }
    assert open_worlds.let_through(path, "is blocked by performance (pia)") == {}


def test_key__where_two_people_are_asked__neither_ends_a_holdout_nor_starts_a_hold_back(client):
    open_worlds.measured()
    flags.create_holdout(key="all", environment="production", share_ppm=50_000, **BY)
    flags.start_holdout(key="all", **BY)
    open_experiments.decide(at_once=False)
    open_experiments.prepared(holdback_ppm=10_000)
    flags.require_review(environment="production", is_required=True, reason="two people", **BY)
    key = {"actor": "key:rosas", "now": NOW}

    paths = {
        "requires a second person": lambda: flags.end_holdout(key="all", reason="over", **key) and None,
        "somebody else has to start": lambda: experiments.start_rollout(key=world.KEY, **key) and None,
    }
    said = open_worlds.refusals(paths)
    assert {words: words in reason for words, reason in said.items()} == dict.fromkeys(paths, True)


def test_experiment__of_no_team_on_a_watched_flag__is_a_launch_of_the_flags_team(site):
    open_worlds.begun("half", starts=False, team="")
    experiments.unbind_metric(key="half", metric="latency-p95", **ROSA)
    path = {"it": lambda: experiments.start(key="half", coverage_ppm=ALL, **ROSA) and None}
    assert open_worlds.refusals(path) == {"it": "went through"}

    open_worlds.policy()

    assert open_worlds.let_through(path, UNREVIEWED) == {}
    asked = reviews.open_review(experiment="half", **ROSA)
    reviews.answer_risks(id=asked.id, answers=open_worlds.NO, **ROSA)
    assert review_queries.standing(review_queries.review(asked.id)).missing == ("performance",)


def approved(**about):
    """A review that everybody has signed as things are."""
    made = open_worlds.unsigned(**about)
    open_worlds.settled()
    return made


OTHER = {"on": True, "off": False, "third": True}


def test_review_of_a_draft__the_live_values_are_opened_instead__were_not_signed(plain):
    content = {**build.definition("plain"), "rules": [rule(ALL)], "variants": OTHER}
    draft = flags.save_draft(**PLAIN, definition=content, **BY)
    open_worlds.policy()
    approved(flag="plain", environment="production")
    opened = {"it": lambda: flags.set_coverage(**PLAIN, coverage_ppm=ALL, **BY) and None}
    signed = {"it": lambda: flags.publish(**PLAIN, version=draft.number, **BY) and None}

    assert open_worlds.let_through(opened, "is of its draft, and this change serves other values") == {}
    assert open_worlds.refusals(signed) == {"it": "went through"}


def test_review_of_a_flag__an_older_version_with_other_values_comes_back__was_not_signed(plain):
    build.published([], flag="plain", default="on")
    older = flag_queries.versions(flag_queries.flag("plain"), flag_queries.environment("production"))[0]
    build.published([rule(HALF)], flag="plain", default="off", variants=OTHER)
    open_worlds.policy()
    approved(flag="plain", environment="production")

    path = {"it": lambda: flags.revert(**PLAIN, version=older.number, **BY) and None}
    assert open_worlds.let_through(path, "serves other values") == {}


def test_review_of_an_experiment__its_flag_says_something_else_since__needs_one_of_the_flag():
    open_worlds.measured()
    open_worlds.policy()
    approved(experiment=world.KEY)
    place: dict = {"flag": world.KEY, "environment": "production"}
    live = flag_queries.served_definition(world.KEY, "production")
    swapped = {**live, "variants": {"on": False, "off": True}}

    def published(definition):
        draft = flags.save_draft(**place, definition={**definition, "default": "on"}, **BY)
        return flags.publish(**place, version=draft.number, **BY) and None

    measured, other = {"it": lambda: published(live)}, {"it": lambda: published(swapped)}
    assert open_worlds.refusals(measured) == {"it": "went through"}

    assert open_worlds.let_through(other, f"other values than {world.KEY} measured") == {}
    flags.save_draft(**place, definition={**swapped, "default": "on"}, **BY)
    approved(**place)
    assert open_worlds.refusals(other) == {"it": "went through"}


def test_rejection__its_experiment_is_called_invalid__still_speaks_against_the_flag(site):
    open_worlds.begun("half")
    said = open_worlds.unsigned(experiment="half")
    open_worlds.reported(said.experiment)
    no = {"discipline": "performance", "answer": "rejected", "note": "too slow", "actor": "pia", "now": NOW}
    reviews.sign(id=said.id, **no)
    experiments.invalidate(key="half", reason="never mind", **ROSA)

    path = {"it": lambda: build.published([], flag="half", default="on") and None}
    assert open_worlds.let_through(path, "is blocked by performance (pia)") == {}
    reviews.withdraw_review(id=said.id, reason="it is fast now", actor="pia", now=NOW)
    assert open_worlds.refusals(path) == {"it": "went through"}


def test_owner__hands_over_first__judges_nothing_of_it_for_a_while(site):
    open_worlds.begun("half")
    asked = open_worlds.unsigned(experiment="half")
    open_worlds.reported(asked.experiment)
    open_worlds.trip("half")
    tripped = open_worlds.analysis.unsettled_trips().get()
    experiments.hand_over(key="half", owner="otto", reason="holidays", **ROSA)
    review = review_queries.review(asked.id)

    paths = {
        "waive": lambda: looks.waive_trip(trip_id=tripped.id, reason="fine", **ROSA) and None,
        "resolve": lambda: looks.resolve_trip(trip_id=tripped.id, reason="fine", **ROSA) and None,
    }
    assert review_queries.advocates(review) == {"rosa", "otto"}
    assert open_worlds.let_through(paths, "the owner of an experiment cannot") == {}
