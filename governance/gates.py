"""No launch goes round its review: asked by every path that serves a change to everybody.

In production a change counts as a launch when it reaches 95 % of the units or more (a hold-back of up to 5 %
is a usual way to launch). A launch needs an approved review when

- there is an open review of it, whoever opened it, or
- this site has guardrail sets, and one of them applies or the experiment binds a metric of speed.

A site without guardrail sets is asked nothing. What is judged is the review as it stands at this moment:
sign-offs on a report that has changed since do not count, nor does an approval in spite of a new trip.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from experiments import queries as experiments
from experiments.drafts import ExperimentKind
from experiments.lifecycle import STARTED, State
from experiments.plan import WHOLE_PPM, ArmRole
from flags import gates
from flags.gates import Finding, Subject
from governance import policy_queries
from governance import review_queries as queries
from governance.models import LaunchReview, ReviewState
from governance.review_queries import Standing

if TYPE_CHECKING:
    from experiments.models import Experiment

EVERYBODY_PPM = 950_000
OVER = (State.CLOSED, State.INVALID)


def register() -> None:
    gates.register("publish", launch_review)
    gates.register("ramp.advance", launch_review)
    gates.register("experiment.start", launch_review)
    gates.register("decide.ship", launch_decision)


def launch_review(subject: Subject) -> Iterator[Finding]:
    """Objects to a change of traffic that is a launch without an approved review."""
    if subject.is_production and subject.opens_further and _reaches_everybody(subject):
        yield from _objection(subject)


def launch_decision(subject: Subject) -> Iterator[Finding]:
    """Objects to a decision to ship without an approved review."""
    if subject.is_production:
        yield from _objection(subject)


def _reaches_everybody(subject: Subject) -> bool:
    """A running experiment gives each arm its share; a decided one gives everybody the same."""
    owner = experiments.experiments().filter(key=subject.experiment).first() if subject.experiment else None
    if owner is None or owner.lifecycle_state in {State.DECIDED, State.ROLLING_OUT}:
        return subject.coverage_after_ppm >= EVERYBODY_PPM
    return _treated_ppm(owner) * subject.coverage_after_ppm // WHOLE_PPM >= EVERYBODY_PPM


def _treated_ppm(owner: "Experiment") -> int:
    """The largest share that one variant other than the control's has in the newest plan."""
    arms = experiments.newest_version(owner).arms.all()
    shares: dict[str, int] = {}
    for arm in arms:
        if arm.role != ArmRole.CONTROL:
            shares[arm.variant] = shares.get(arm.variant, 0) + arm.weight_ppm
    return max(shares.values(), default=0)


def _objection(subject: Subject) -> Iterator[Finding]:
    owner = launched(subject.flag, subject.environment, subject.experiment)
    review = _review(subject, owner)
    if review is None:
        if needs_review(subject.flag, owner):
            fix = "Open a launch review on the page of the experiment or of the flag."
            title = f"the launch of {owner.key if owner else subject.flag} was not reviewed"
            yield Finding("launch_review", title, fix)
        return
    found = queries.standing(review)
    if found.state != ReviewState.APPROVED:
        yield Finding("launch_review", _words(found), f"See /reviews/{review.id}/.", {"review": review.id})


def launched(flag: str, environment: str, experiment: str = "") -> "Experiment | None":
    """The experiment whose change is launched: the named one, the one a hold-back follows, or the newest that
    has started on the flag and is not over; None when a flag is launched by itself."""
    found = experiments.experiments(flag=flag).filter(environment=environment)
    named = experiments.experiments().filter(key=experiment).first() if experiment else None
    if named is not None and named.kind != ExperimentKind.HOLDOUT:
        return named
    started = found.filter(state__in=[str(each) for each in STARTED if each not in OVER])
    return started.exclude(kind=ExperimentKind.HOLDOUT).order_by("-started_at").first()


def needs_review(flag: str, owner: "Experiment | None") -> bool:
    """Whether policies ask for a review of this launch."""
    if not policy_queries.has_policies():
        return False
    if owner is None:
        return bool(policy_queries.attached(team=queries.team_of(flag)))
    return bool(queries.attached_to(owner)) or queries.binds_performance(owner)


def _review(subject: Subject, owner: "Experiment | None") -> LaunchReview | None:
    if owner is not None:
        return queries.review_of(experiment=owner.key)
    return queries.review_of(flag=subject.flag, environment=subject.environment)


def _words(found: Standing) -> str:
    """Why the review does not let the launch go, in one clause."""
    if found.blocking:
        return f"the launch review has open findings: {found.blocking[0].title}"
    if found.state == ReviewState.BLOCKED:
        who = ", ".join(f"{each.discipline} ({each.by})" for each in found.valid if each.answer == "rejected")
        return f"the launch review is blocked by {who}"
    if found.missing:
        return f"the launch review lacks the sign-off of {', '.join(dict.fromkeys(found.missing))}"
    return "the risk questions of the launch review are not answered"
