"""No launch goes round its review: asked by every path that serves a change to everybody.

In production a change counts as a launch when it reaches 95 % of the units or more (a hold-back of up to 5 %
is a usual way to launch). A launch needs an approved review when

- there is an open review of it, whoever opened it, or
- this site has guardrail sets, and one of them applies or the experiment binds a metric of speed, or
- it goes against the report of its experiment, on any site: a second reviewer signs then.

What is judged is the review as it stands at this moment:
sign-offs on a report that has changed since do not count, nor does an approval in spite of a new trip.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from experiments import queries as experiments
from experiments.drafts import ExperimentKind
from experiments.lifecycle import State
from experiments.plan import WHOLE_PPM
from flags import gates
from flags.gates import Finding, Subject
from governance import policy_queries, served, treating
from governance import review_queries as queries
from governance.models import LaunchReview, ReviewState
from governance.review_queries import OVER, Standing

if TYPE_CHECKING:
    from experiments.models import Experiment

EVERYBODY_PPM = 950_000
UNDECIDED = [str(each) for each in (State.RUNNING, State.PAUSED, State.STOPPED)]


def register() -> None:
    gates.register("publish", launch_review)
    gates.register("ramp.advance", launch_review)
    gates.register("experiment.start", launch_by_plan)
    gates.register("decide.ship", launch_decision)


def launch_review(subject: Subject) -> Iterator[Finding]:
    """Objects to a change of traffic that is a launch without an approved review."""
    yield from _objections(subject, is_new_plan=False)


def launch_by_plan(subject: Subject) -> Iterator[Finding]:
    """Objects to a plan that is a launch when it comes into force."""
    yield from _objections(subject, is_new_plan=True)


def launch_decision(subject: Subject) -> Iterator[Finding]:
    """Objects to a decision to ship without an approved review."""
    if subject.is_production:
        yield from _objection(subject, is_decision=True)


def _objections(subject: Subject, *, is_new_plan: bool) -> Iterator[Finding]:
    if subject.is_production and subject.opens_further and _reaches_everybody(subject, is_new_plan):
        yield from _objection(subject)


def _reaches_everybody(subject: Subject, is_new_plan: bool) -> bool:
    """A running experiment gives each arm its share; a decided one gives everybody the same."""
    owner = experiments.experiments().filter(key=subject.experiment).first() if subject.experiment else None
    if owner is None or owner.lifecycle_state in {State.DECIDED, State.ROLLING_OUT}:
        return subject.coverage_after_ppm >= EVERYBODY_PPM
    treated = treating.treated_ppm(owner, is_new_plan=is_new_plan)
    return treated * subject.coverage_after_ppm // WHOLE_PPM >= EVERYBODY_PPM


def _objection(subject: Subject, *, is_decision: bool = False) -> Iterator[Finding]:
    owner, values = launched(subject.flag, subject.environment, subject.experiment), served.values(subject)
    review = _review(subject, owner)
    is_needed = review is not None or needs_review(subject.flag, subject.environment, owner)
    if review is not None:
        yield from _standing(review, values)
    elif is_needed:
        fix = "Open a launch review on the page of the experiment or of the flag."
        title = f"the launch of {owner.key if owner else subject.flag} was not reviewed"
        yield Finding("launch_review", title, fix)
    elif owner is not None and (is_decision or subject.experiment != owner.key):
        yield from _second_person(subject, owner)
    if is_needed and owner is not None and not served.are_measured(owner, values):
        yield from _unmeasured(subject, owner, values)
    for other in _undecided(subject, owner, values):
        yield from _standing(other, values)


def _unmeasured(subject: Subject, owner: "Experiment", values: Mapping[str, Any]) -> Iterator[Finding]:
    """Objects to values that are not those in the report: a review of the flag itself has to judge them."""
    alone = queries.review_of(flag=subject.flag, environment=subject.environment)
    if alone is not None:
        yield from _standing(alone, values)
        return
    fix = "Open a launch review of the flag, or serve the values that were measured."
    yield Finding("launch_review", f"{subject.flag} would serve other values than {owner.key} measured", fix)


def _second_person(subject: Subject, owner: "Experiment") -> Iterator[Finding]:
    """Objects to a launch that the report does not recommend, whatever policies say. An experiment that grows
    by its plan is no such launch, and a decision to ship is judged once, when it is made."""
    verdict = queries.verdict_against(owner)
    if verdict:
        title = f"the report of {owner.key} says {verdict}: a launch against it needs a second reviewer"
        able = queries.may_second(owner, subject.actor)
        yield Finding("launch_review", title, _way_to_a_second(able), {"verdict": verdict})


def _way_to_a_second(able: list[str]) -> str:
    fix = "Open a launch review on the experiment's page; two people who neither ask for it nor own it sign."
    if len(able) > 1:
        return fix
    who = f"only {able[0]} could" if able else "nobody could"
    add = "an admin makes accounts (`manage.py create_login`) and, where roles hold, gives them the role"
    return f"{fix} Here {who} sign for performance: {add}."


def _standing(review: LaunchReview, values: Mapping[str, Any]) -> Iterator[Finding]:
    found = queries.standing(review, values)
    if found.state == ReviewState.APPROVED:
        return
    words, fix = _words(found), f"See /reviews/{review.id}/."
    if queries.standing(review).state == ReviewState.APPROVED:
        words = f"the launch review of {review.flag} is of its draft, and this change serves other values"
        fix = f"Publish what was signed, or discard the draft and have it signed anew: /reviews/{review.id}/."
    yield Finding("launch_review", words, fix, {"review": review.id})


def launched(flag: str, environment: str, experiment: str = "") -> "Experiment | None":
    """The experiment whose change is launched: the named one, the one a hold-back follows, or the newest that
    has started on the flag and is not over; None when a flag is launched by itself."""
    named = experiments.experiments().filter(key=experiment).first() if experiment else None
    if named is not None and named.kind != ExperimentKind.HOLDOUT:
        return named
    newest = queries.started_on(flag, environment).exclude(kind=ExperimentKind.HOLDOUT)
    return newest.exclude(state__in=OVER).first() or named


def _undecided(
    subject: Subject, owner: "Experiment | None", values: Mapping[str, Any]
) -> Iterator[LaunchReview]:
    """Reviews that judge the same change and are not settled: of other experiments on the flag that nobody
    has decided, of the flag itself while a discipline says no to it, and, for a flag without a review, of an
    experiment that is over and to which a discipline said no: ending it wipes out no no."""
    others = queries.started_on(subject.flag, subject.environment).filter(state__in=UNDECIDED)
    for key in others.exclude(key=owner.key if owner else "").values_list("key", flat=True):
        review = queries.review_of(experiment=key)
        if review is not None:
            yield review
    alone = queries.review_of(flag=subject.flag, environment=subject.environment)
    if owner is None:
        no = None if alone else queries.rejected_lately(subject.flag, subject.environment)
        yield from (no,) if no else ()
    elif alone is not None and queries.standing(alone, values).state == ReviewState.BLOCKED:
        yield alone


def needs_review(flag: str, environment: str, owner: "Experiment | None") -> bool:
    """Whether policies ask for a review of this launch: of the experiment, or of the flag, by its team or by
    an experiment that measured it."""
    if not policy_queries.has_policies():
        return False
    return queries.is_watched(flag, environment) if owner is None else queries.is_guarded(owner)


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
        lacking = f"the launch review lacks the sign-off of {', '.join(dict.fromkeys(found.missing))}"
        return f"{lacking}; two people sign against the report" if found.is_against_rule else lacking
    return "the risk questions of the launch review are not answered"
