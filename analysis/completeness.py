"""Is anything missing? The parts of the check of the data, each with an answer of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.gaps import Gaps
from analysis.health import DataFlow
from analysis.report.facts import CheckStatus as Status

REFUSED_WARN, REFUSED_FAIL = 0.01, 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """One question about the data and what was found, in words."""

    name: str
    status: Status
    found: str

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name, "status": self.status.value, "found": self.found}


def parts(flow: DataFlow, found: Gaps) -> tuple[Part, ...]:
    """Every part, in the order in which data come in."""
    return (
        _refused(flow),
        _stored(flow),
        _days(flow),
        _hours(found),
        _arms(found),
        _metrics(found),
        _identity(found),
    )


def worst(listed: tuple[Part, ...]) -> Status:
    """That of the parts that could be asked."""
    order = (Status.OK, Status.WARN, Status.FAIL)
    return max((part.status for part in listed if part.status in order), key=order.index, default=Status.OK)


def words(listed: tuple[Part, ...]) -> str:
    """How much was refused, and whatever is not as it should be."""
    first, *others = listed
    odd = [part.found for part in others if part.status in (Status.WARN, Status.FAIL)]
    return "; ".join([first.found, *odd])


def refused_share(flow: DataFlow) -> float:
    arrived = flow.accepted + flow.refused
    return flow.refused / arrived if arrived else 0.0


def _refused(flow: DataFlow) -> Part:
    share = refused_share(flow)
    status = Status.FAIL if share >= REFUSED_FAIL else Status.WARN if share >= REFUSED_WARN else Status.OK
    if not flow.accepted + flow.refused:
        return Part("refused events", Status.NOT_RUN, "refused events are not counted here")
    return Part("refused events", status, f"{share:.2%} of events refused")


def _stored(flow: DataFlow) -> Part:
    name = "batches on their way"
    if flow.waiting:
        return Part(name, Status.WARN, f"{flow.waiting} batches not stored yet")
    return Part(name, Status.OK, "every batch that was acknowledged is stored")


def _days(flow: DataFlow) -> Part:
    name = "days with events"
    if flow.silent_days:
        return Part(name, Status.FAIL, f"no events on {len(flow.silent_days)} of {flow.days} days")
    if not flow.days:
        return Part(name, Status.NOT_RUN, "half a day has to pass before a day counts")
    return Part(name, Status.OK, f"events on every one of {flow.days} days")


def _hours(found: Gaps) -> Part:
    name = "hours with events"
    if found.empty_hours:
        first, hours = found.empty_hours[0], len(found.empty_hours)
        said = f"no events at all in {hours} hours of {first:%Y-%m-%d}, the first {first:%H}:00"
        return Part(name, Status.WARN, said)
    if found.joined_share is None:
        return Part(name, Status.NOT_RUN, "the last day has no event of the plan's metrics")
    return Part(name, Status.OK, "no hour of the last day without events where its neighbours have many")


def _arms(found: Gaps) -> Part:
    """An arm that is silent for an hour lost what the others did not."""
    said = "; ".join(_silences(found))
    if said:
        return Part("logging by arm", Status.FAIL, said)
    return Part("logging by arm", Status.OK, "no arm was silent while the others were not")


def _silences(found: Gaps) -> Iterator[str]:
    if found.silent_arms:
        day, arm = found.silent_arms[0]
        yield f"no units in {arm} on {day.isoformat()}"
    yield from found.silent_hours[:1]
    if len(found.silent_hours) > 1:
        yield f"{len(found.silent_hours) - 1} more silent hours"


def _metrics(found: Gaps) -> Part:
    """Without one event of any metric the events do not arrive, or under other unit ids."""
    name = "metrics with events"
    if not found.judged:
        return Part(name, Status.NOT_RUN, "no metric's window can be over yet")
    lost = [f"no events for {', '.join(of)}" for of in (found.absent, found.one_sided) if of]
    if lost:
        return Part(name, Status.FAIL if found.has_no_outcome else Status.WARN, "; ".join(lost))
    return Part(name, Status.OK, f"all {len(found.judged)} have events in every arm that should have some")


def _identity(found: Gaps) -> Part:
    name = "the same ids"
    if found.joined_share is None:
        return Part(name, Status.NOT_RUN, "the last day has no event of the plan's metrics")
    if found.is_unjoined:
        said = "hardly an event belongs to an enrolled unit: do exposures and events carry the same ids?"
        return Part(name, Status.FAIL if found.has_no_outcome else Status.WARN, said)
    return Part(name, Status.OK, f"{found.joined_share:.1%} of the last day's events are of enrolled units")
