"""Layers and the slots experiments own in them."""

from datetime import datetime, timedelta

from django.db import transaction

from flags import queries, slots
from flags.models import BucketRange, Layer
from flags.services.names import check_key
from flags.services.salts import draw_salt
from ledger import audit
from ledger.refusals import Conflict, problem, refuse

REST = timedelta(days=7)


@transaction.atomic
def create_layer(*, key: str, actor: str, now: datetime, unit_type: str = "user") -> Layer:
    """A layer with a salt of its own, which never changes."""
    check_key("key", key)
    check_key("unit_type", unit_type)
    if Layer.objects.filter(key=key).exists():
        raise Conflict(problem("key", key, "there is a layer with this key", "Choose another key."))
    salt = draw_salt(subject=f"layer:{key}", now=now)
    layer = Layer.objects.create(key=key, unit_type=unit_type, salt=salt, created_at=now)
    audit.record(
        now=now,
        actor=actor,
        action="layer.created",
        subject=f"layer:{key}",
        after={"unit_type": unit_type, "salt": salt.value},
    )
    return layer


@transaction.atomic
def allocate_slots(
    *, layer: str, experiment: str, share_ppm: int, actor: str, now: datetime
) -> tuple[slots.Slots, ...]:
    """Give an experiment `share_ppm` of the layer; slots whose rest is over count as free.

    Raises Refused when less is free, Conflict when the experiment owns slots of the layer already.
    """
    check_key("experiment", experiment)
    if not 1 <= share_ppm <= slots.WHOLE_PPM:
        fix = f"Give a whole number from 1 to {slots.WHOLE_PPM}."
        raise refuse("share_ppm", share_ppm, "this is no share of a layer", fix)
    row = _locked(layer)
    _wake_rested(row, now)
    if owned := queries.owned_slots(row, experiment):
        why = f"it owns {sum(part.share_ppm for part in owned)} ppm of layer {layer} already"
        raise Conflict(problem("experiment", experiment, why, "Free its slots first."))
    placed = _place(row, share_ppm)
    for part in placed:
        BucketRange.objects.create(
            layer=row, experiment=experiment, slots=(part.low, part.high), allocated_at=now
        )
    _record(row, "layer.slots.allocated", experiment, placed, actor, now)
    return placed


@transaction.atomic
def free_slots(
    *, layer: str, experiment: str, actor: str, now: datetime, rest: timedelta = REST
) -> tuple[slots.Slots, ...]:
    """Take an experiment's slots back; they rest before anybody else gets them. Twice is the same as once."""
    row = _locked(layer)
    owned = queries.owned_slots(row, experiment)
    if owned:
        of_experiment = queries.reserved(row).filter(experiment=experiment, freed_at__isnull=True)
        of_experiment.update(freed_at=now, rests_until=now + rest)
        _record(row, "layer.slots.freed", experiment, owned, actor, now)
    return owned


def _locked(key: str) -> Layer:
    queries.layer(key)
    return Layer.objects.select_for_update(no_key=True).get(key=key)


def _wake_rested(layer: Layer, now: datetime) -> None:
    queries.reserved(layer).filter(rests_until__lte=now).update(is_reserved=False)


def _place(layer: Layer, share_ppm: int) -> tuple[slots.Slots, ...]:
    taken = [queries.as_slots(row) for row in queries.reserved(layer)]
    placed = slots.place(taken, share_ppm)
    if not placed:
        left = sum(gap.share_ppm for gap in slots.free(taken))
        why = f"only {left} ppm of layer {layer.key} are free"
        raise refuse(
            "share_ppm", share_ppm, why, "Take less, free slots, or wait until freed ones have rested."
        )
    return placed


def _record(
    layer: Layer, action: str, experiment: str, parts: tuple[slots.Slots, ...], actor: str, now: datetime
) -> None:
    ranges = [[part.low, part.high] for part in parts]
    audit.record(
        now=now,
        actor=actor,
        action=action,
        subject=f"layer:{layer.key}",
        after={"experiment": experiment, "slots": ranges},
    )
