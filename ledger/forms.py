"""Forms that keep what was typed when a service refuses it."""

from django import forms

from ledger.refusals import Problem, Refused


def show_problems(form: forms.Form, refused: Refused) -> None:
    """Put every problem beside its field, or above the form when it belongs to none. The form is bound."""
    for problem in refused.problems:
        form.add_error(_field_of(form, problem), f"{problem.reason}. {problem.fix}".strip())


def _field_of(form: forms.Form, problem: Problem) -> str | None:
    name = problem.field.partition(".")[0]
    return name if name in form.fields else None
