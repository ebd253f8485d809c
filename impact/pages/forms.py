"""Forms of this layer. Per cent and whole amounts on the page, shares and minor units behind it."""

from decimal import Decimal
from typing import Any

from django import forms

from impact.pricing import DIGITS
from organisation import queries as organisation

HUNDRED = 100.0


class ValueForm(forms.Form):
    """What a surface brings in."""

    currency = forms.CharField(max_length=3, initial="EUR", help_text="Three letters, for example EUR.")
    revenue = forms.DecimalField(
        max_digits=15, min_value=Decimal(1), label="Revenue of the whole product in a year"
    )
    revenue_error = forms.FloatField(
        initial=5,
        label="Give or take, in per cent",
        help_text="How well that is known, as one standard error.",
    )
    surface_share = forms.FloatField(
        label="Share that passes through this surface, in per cent", help_text="100 for a checkout."
    )
    share_error = forms.FloatField(initial=0, label="Give or take, in per cent of that")
    outcome = forms.CharField(
        max_length=63, help_text="The metric that studies measure, for example conversion."
    )
    outcome_level = forms.FloatField(
        required=False,
        label="Its usual value, in per cent",
        help_text="For planning studies, where it is a share of users.",
    )
    link = forms.FloatField(
        initial=1,
        label="Revenue moves by so many per cent when the outcome moves by one",
        help_text="1 when the outcome is revenue, or moves with it.",
    )
    link_error = forms.FloatField(initial=0, label="Give or take, in per cent of that")
    latency_metric = forms.CharField(
        max_length=63, required=False, help_text="The metric that says how slow the surface is."
    )
    source = forms.CharField(max_length=500, label="Where the figures are from")

    def facts(self) -> dict[str, Any]:
        """As the service takes them."""
        given = dict(self.cleaned_data)
        digits = DIGITS.get(given["currency"].upper(), 2)
        given["revenue_minor"] = int(given.pop("revenue") * 10**digits)
        for name in ("revenue_error", "surface_share", "share_error", "link_error"):
            given[name] /= HUNDRED
        level = given["outcome_level"]
        given["outcome_level"] = None if level is None else level / HUNDRED
        return given


class FindingForm(forms.Form):
    """A figure from elsewhere, or one observed here."""

    title = forms.CharField(max_length=200, help_text="What was seen, and where.")
    kind = forms.ChoiceField(
        choices=[
            ("borrowed", "borrowed: somebody else's figure (grade D)"),
            ("observation", "observed here, not at random (grade C)"),
        ]
    )
    outcome = forms.CharField(max_length=63, help_text="What moved, for example conversion.")
    change = forms.FloatField(
        label="Change per 100 ms of delay, in per cent", help_text="-0.3 for a loss of 0.3 %."
    )
    error = forms.FloatField(label="Standard error of it, in per cent points")
    began_on = forms.DateField(label="From", help_text="For example 2026-02-01.")
    ended_on = forms.DateField(label="To")
    units = forms.IntegerField(required=False, min_value=0, label="Users")
    link = forms.URLField(required=False, max_length=500, assume_scheme="https", label="Source")


class SurfaceField(forms.ChoiceField):
    """One of the surfaces there are."""


class BudgetForm(forms.Form):
    """How much loss a year a team puts up with, in whole money."""

    tolerance = forms.FloatField(label="Loss we put up with, a year", min_value=1, max_value=1e15)


class AskForm(forms.Form):
    surface = SurfaceField()
    ms = forms.FloatField(initial=100, label="Milliseconds", help_text="Negative for faster.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(surface.key, surface.name) for surface in organisation.surfaces()]
        self.fields["surface"].choices = choices  # type: ignore[attr-defined]
