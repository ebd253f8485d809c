"""Forms that keep what was typed when a service refuses it."""

from collections.abc import Callable

from django import forms

from ledger.refusals import Refused


def first_part(field: str) -> str:
    """The name of the form's field for a part of it: "steps" of "steps.0", "rules" of "rules[0].when"."""
    return field.partition(".")[0].partition("[")[0]


def show_problems(form: forms.Form, refused: Refused, named: Callable[[str], str] = first_part) -> None:
    """Put every problem beside its field, or above the form when it belongs to none. The form is bound;
    `named` gives the form's name of a field that was refused. A part of a field is named with its value."""
    for problem in refused.problems:
        name = named(problem.field)
        is_part = problem.field.startswith((f"{name}.", f"{name}["))
        place = f"{problem.field} = {problem.value}: " if is_part else ""
        said = f"{place}{problem.reason}. {problem.fix}".strip()
        form.add_error(name if name in form.fields else None, said)
