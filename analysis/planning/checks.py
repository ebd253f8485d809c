"""The line of the preflight checklist that needs the real traffic: is the planned duration long enough?

Registered with `experiments.preflight` when the app is ready. Advice only: who knows better may start.
"""

from __future__ import annotations

from analysis.planning import answers
from experiments import preflight
from experiments.preflight import Context, Item, Status

CODE, TITLE = "power", "Power with your traffic"


def register() -> None:
    preflight.register(power)


def power(context: Context) -> Item:
    """Days until every success metric and guardrail can say what the plan asks of it."""
    if not context.plan.treatments or not context.plan.control:
        return _advice("there is nothing to compare yet", "Name the arms first.")
    found = answers.sizing_of(context.plan)
    unknown = [line.metric for line in found.lines if line.missing]
    if not found.days:
        why = f"unknown for {', '.join(unknown)}" if unknown else "no traffic is known yet"
        return _advice(why, "Look at the sizing page; type what you know into the calculator.")
    said = f"with the traffic of {found.traffic_of} it takes {found.days}"
    last = found.longest[1]
    if last is None or last > context.plan.max_days:
        fix = "Plan more days, larger effects or margins, or more traffic."
        return _advice(f"{said}, planned are at most {context.plan.max_days}", fix)
    if unknown:
        return _advice(f"{said}; unknown for {', '.join(unknown)}", "Look at the sizing page.")
    return Item(CODE, TITLE, Status.OK, said)


def _advice(detail: str, fix: str) -> Item:
    return Item(CODE, TITLE, Status.ADVICE, detail, fix)
