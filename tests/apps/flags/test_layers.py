"""Layers: disjoint slots by constraint, resting slots stay out of use, salts are unique."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from flags import queries, services
from flags.models import BucketRange, Layer, Salt
from flags.slots import Slots
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.flags.build import NOW, layer

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


def allocate(experiment, share_ppm, now=NOW):
    return services.allocate_slots(
        layer="checkout-page", experiment=experiment, share_ppm=share_ppm, actor="ada", now=now
    )


def free(experiment, now=LATER, **options):
    return services.free_slots(layer="checkout-page", experiment=experiment, actor="ada", now=now, **options)


def test_create__layer__salt_is_32_bit_and_audited():
    made = layer()

    row = ledger_queries.audit_of("layer:checkout-page").get()

    assert 0 <= made.salt.value < 2**32
    assert row.after == {"unit_type": "user", "salt": made.salt.value}


def test_create__same_key__conflict():
    layer()

    with pytest.raises(Conflict):
        layer()


@pytest.mark.parametrize("key", ["", "Checkout", "-x", "a b", "x" * 64, "ü", "x\n"])
def test_create__key_that_is_no_slug__refused(key):
    with pytest.raises(Refused):
        layer(key=key)


def test_salt__layer_row__database_refuses_another():
    made = layer()
    other = services.draw_salt(subject="test", now=NOW)

    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        Layer.objects.filter(id=made.id).update(salt=other)


def test_draw__taken_number__draws_again():
    services.draw_salt(subject="first", now=NOW, draw=lambda: 7)
    numbers = iter([7, 7, 8])

    salt = services.draw_salt(subject="second", now=NOW, draw=lambda: next(numbers))

    assert salt.value == 8
    assert set(Salt.objects.values_list("value", "subject")) == {(7, "first"), (8, "second")}


def test_draw__source_that_repeats_itself__gives_up():
    services.draw_salt(subject="first", now=NOW, draw=lambda: 7)

    with pytest.raises(RuntimeError, match="random source"):
        services.draw_salt(subject="second", now=NOW, draw=lambda: 7)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_salt__beyond_32_bits__database_refuses(value):
    with pytest.raises(IntegrityError), transaction.atomic():
        Salt.objects.create(value=value, subject="x", created_at=NOW)


def test_allocate__two_experiments__side_by_side():
    layer()

    assert allocate("search", 400_000) == (Slots(0, 400_000),)
    assert allocate("prefetch", 600_000) == (Slots(400_000, 1_000_000),)
    assert queries.free_slots(queries.layer("checkout-page")) == ()


def test_allocate__more_than_free__refused_and_says_how_much_is_left():
    layer()
    allocate("search", 900_000)

    with pytest.raises(Refused, match="100000 ppm"):
        allocate("prefetch", 100_001)

    assert BucketRange.objects.count() == 1


def test_allocate__second_time__conflict():
    layer()
    allocate("search", 100)

    with pytest.raises(Conflict, match="100 ppm"):
        allocate("search", 100)


@pytest.mark.parametrize("share", [0, -1, 1_000_001])
def test_allocate__no_share__refused(share):
    layer()

    with pytest.raises(Refused):
        allocate("search", share)


def test_allocate__unknown_layer__not_found():
    with pytest.raises(NotFound):
        allocate("search", 100)


def test_range__overlapping_by_hand__database_refuses():
    made = layer()
    allocate("search", 400_000)

    with pytest.raises(IntegrityError, match="slots_of_a_layer_never_overlap"), transaction.atomic():
        BucketRange.objects.create(
            layer=made, experiment="prefetch", slots=(399_999, 500_000), allocated_at=NOW
        )


@pytest.mark.parametrize("slots", [(-1, 5), (0, 1_000_001), (7, 7)])
def test_range__outside_the_layer_or_empty__database_refuses(slots):
    made = layer()

    with pytest.raises(IntegrityError), transaction.atomic():
        BucketRange.objects.create(layer=made, experiment="prefetch", slots=slots, allocated_at=NOW)


def test_free__owned_slots__rest_before_anybody_else_gets_them():
    layer()
    allocate("search", 1_000_000)

    assert free("search", rest=timedelta(days=7)) == (Slots(0, 1_000_000),)

    with pytest.raises(Refused, match="only 0 ppm"):
        allocate("prefetch", 1, now=LATER + timedelta(days=6, hours=23))
    assert allocate("prefetch", 1, now=LATER + timedelta(days=7)) == (Slots(0, 1),)


def test_free__twice__second_time_changes_nothing():
    layer()
    allocate("search", 100)
    free("search")

    assert free("search") == ()
    actions = [row.action for row in ledger_queries.audit_of("layer:checkout-page")]
    assert actions == ["layer.slots.freed", "layer.slots.allocated", "layer.created"]
