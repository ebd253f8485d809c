# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Two people at once: one of them wins, the other is told, and what is served is one of the two."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from flags import queries, services
from flags.models import BucketRange, FlagVersion
from ledger import audit
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import BY, HALF, document, draft, environment, flag, layer, live, published, split

pytestmark = pytest.mark.django_db(transaction=True)
AT: dict = {"flag": "checkout", "environment": "production"}


def at_once(*calls):
    """Run all calls in threads that begin together; the outcomes, refusals included."""
    gate = Barrier(len(calls))

    def one(call):
        try:
            gate.wait(timeout=60)
            return call()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_publish__same_draft_twice_at_once__one_version_and_conflicts():
    flag()
    number = draft([split()]).number

    outcomes = at_once(*[lambda: services.publish(**AT, version=number, **BY)] * 4)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3
    assert document()["flags"]["checkout"]["version"] == live().number == number
    assert audit.first_broken() is None


def test_coverage__different_steps_at_once__numbers_without_gap_and_the_document_is_the_last():
    flag()
    published([split()])

    at_once(*[lambda ppm=ppm: services.set_coverage(**AT, coverage_ppm=ppm, **BY) for ppm in (1, 2, 3, 4)])

    numbers = [version.number for version in queries.versions(queries.flag("checkout"), environment())]
    assert numbers == [6, 5, 4, 3, 2, 1]
    assert document()["flags"]["checkout"]["version"] == 6
    assert FlagVersion.objects.filter(state="published").count() == 1


def test_coverage__both_saw_the_same_version__one_wins():
    flag()
    seen = published([split()]).number

    outcomes = at_once(
        *[lambda ppm=ppm: services.set_coverage(**AT, coverage_ppm=ppm, seen=seen, **BY) for ppm in (1, 2, 3)]
    )

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2


def test_flags_of_one_environment__published_at_once__document_has_both():
    flag()
    flag("search")

    at_once(
        lambda: services.switch_off(**AT, reason="a", **BY),
        lambda: services.switch_off(flag="search", environment="production", reason="b", **BY),
    )

    served = document()["flags"]
    assert (served["checkout"]["on"], served["search"]["on"]) == (False, False)


def test_create__same_key_at_once__one_flag():
    environment()

    outcomes = at_once(*[lambda: services.create_flag(key="checkout", value_type="bool", **BY)] * 3)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2
    assert queries.flags().count() == 1


def test_allocate__more_than_there_is_at_once__never_overlaps():
    layer()

    outcomes = at_once(
        *[
            lambda name=name: services.allocate_slots(
                layer="checkout-page", experiment=name, share_ppm=400_000, **BY
            )
            for name in ("a", "b", "c")
        ]
    )

    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert BucketRange.objects.count() == 2


def test_start_and_kill__at_once__nobody_waits_for_ever_and_the_flag_is_off():
    flag()

    at_once(
        lambda: services.publish_experiment_rule(
            **AT, experiment="prefetch", arms=HALF, coverage_ppm=1_000_000, **BY
        ),
        lambda: services.switch_off(**AT, reason="harm", **BY),
    )

    assert document()["flags"]["checkout"]["on"] is False


def test_archive_and_publish__at_once__document_and_rows_agree():
    flag()
    number = draft([split()]).number

    at_once(
        lambda: services.archive(flag="checkout", reason="old", **BY),
        lambda: services.publish(**AT, version=number, **BY),
    )

    assert queries.flag("checkout").is_archived
    assert "checkout" not in document()["flags"]
