"""The weekly digest: every row of every section against the rows it was read from."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth import get_user_model

from analysis.report import differences
from governance import digest_queries, reviewing, services
from governance.services import conditions, reviews
from ledger import audit
from ledger import queries as ledger
from organisation import services as organisation
from tests.apps.experiments.build import started
from tests.apps.flags import build
from tests.apps.report.build import reported, tripped

pytestmark = pytest.mark.django_db
LATELY = datetime.now(UTC) - timedelta(days=1)
MONDAY = datetime.combine(LATELY - timedelta(days=LATELY.weekday()), time(8, 30), UTC)
"""The newest one that is over: a sign-off on a flag counts for thirty days of the clock."""
TUESDAY = MONDAY - timedelta(days=6)
NO = {question.key: False for question in reviewing.QUESTIONS}


@pytest.fixture(autouse=True)
def people():
    users = get_user_model().objects
    users.create_superuser("root")
    for name in ("ada", "eva", "pia"):
        users.create_user(name, last_login=MONDAY)
    for role in ({"role": "experimenter"}, {"role": "admin"}):
        organisation.grant(user="ada", actor="root", now=TUESDAY, **role)
    grant = {"user": "pia", "role": "reviewer", "discipline": "performance"}
    organisation.grant(actor="root", now=TUESDAY, **grant)


def section(key, made=None):
    """Rows of a section as `title: text` of the digest made on Monday."""
    made = made or services.make_due_digest(now=MONDAY)
    found = {each["key"]: each["rows"] for each in json.loads(made.document)["sections"]}
    return [f"{row['title']}: {row['text']}" for row in found[key]]


def reviewed(flag):
    build.flag(flag)
    about = {"flag": flag, "environment": "production"}
    made = reviews.open_review(**about, actor="ada", now=TUESDAY)
    reviews.answer_risks(id=made.id, answers={**NO, "slower": True}, actor="ada", now=TUESDAY)
    return made


def sign(review, answer, note=""):
    asked = {"discipline": "performance", "answer": answer, "note": note}
    return reviews.sign(id=review.id, actor="pia", now=TUESDAY, **asked)


def test_launches__waiting_blocked_and_conditional__each_says_for_what():
    reviewed("waiting")
    sign(reviewed("refused"), "rejected", "too slow")
    sign(reviewed("signed"), "approved")
    conditional = reviewed("conditional")
    sign(conditional, "approved_with_conditions", "watch p95 for a week")
    asked = {"flag": "asked", "environment": "production"}
    build.flag("asked")
    reviews.open_review(**asked, actor="ada", now=TUESDAY)

    made = services.make_due_digest(now=MONDAY)

    ending = f"; asked for by ada {TUESDAY:%Y-%m-%d}"
    assert section("sign_offs_waiting", made) == [
        f"Flag waiting: performance has to sign (pia){ending}",
        f"Flag refused: blocked by performance (pia){ending}",
        f"Flag asked: the five questions are open{ending}",
    ]
    assert section("conditions", made) == ["Flag conditional: performance (pia) asked: watch p95 for a week"]
    meet = {"discipline": "performance", "note": "done"}
    conditions.meet_conditions(id=conditional.id, actor="pia", now=MONDAY, **meet)
    assert section("conditions", services.make_due_digest(now=MONDAY + timedelta(days=7))) == []


def test_launch__nobody_left_who_may_sign__said():
    reviewed("waiting")
    get_user_model().objects.filter(username="pia").update(is_active=False)

    assert "nobody can: no reviewer is here" in section("sign_offs_waiting")[0]


def test_harm__trip_of_the_week__its_words_and_numbers_are_those_of_the_trip():
    started()
    trip = tripped(reported("roll_back"), opened_at=TUESDAY)

    made = services.make_due_digest(now=MONDAY)

    [harmed] = section("harmed", made)
    assert harmed.startswith(trip.experiment.title)
    assert harmed.endswith(f"harm in treatment, {trip.title}: {effect(trip)}; open")
    assert len(section("open_trips", made)) == 1
    later = services.make_due_digest(now=MONDAY + timedelta(days=7))
    assert (section("harmed", later), len(section("open_trips", later))) == ([], 1)


def effect(trip):
    definition = trip.metric_version.definition
    return differences.in_words(definition, estimate=trip.estimate, low=trip.low, high=trip.high)


def test_owners__deactivated__everything_of_theirs_is_named():
    build.flag("left-behind", owner="eva")
    get_user_model().objects.filter(username="eva").update(is_active=False)

    assert "flag left-behind: eva is away" in section("inactive_owners")


def test_seal__in_the_digest_and_its_mail__is_the_one_of_the_trail():
    build.flag("a")
    kept = audit.head()

    made = services.make_due_digest(now=MONDAY)

    assert digest_queries.content(made)["audit"] == {"rows": kept.rows, "seal": kept.seal}
    assert kept.seal in digest_queries.as_text(made)
    assert kept.rows == ledger.audit_events().count() - 1
