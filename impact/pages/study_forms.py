"""Forms of ablation studies. Per cent on the page, millionths behind it."""

import re
from typing import Any

from django import forms

from impact.caps import MOST_DAYS, MOST_SHARE_PPM
from impact.pages.forms import SurfaceField
from organisation import queries as organisation

PPM_A_PERCENT = 10_000
NUMBER = re.compile(r"\d+")


def numbers_of(text: str) -> list[int]:
    """The whole numbers in a text such as "50, 100, 200"."""
    return [int(found) for found in NUMBER.findall(text)[:20] if len(found) <= 6]


def words_of(text: str) -> list[str]:
    return text.replace(",", " ").split()


class PlanForm(forms.Form):
    """What decides how much a study can tell, and what it costs."""

    surface = SurfaceField()
    doses_ms = forms.CharField(
        label="Delays, in ms",
        initial="50, 100, 200, 400",
        max_length=100,
        help_text="One arm each, beside two without. Above 1000 ms a fourth person consents.",
    )
    share = forms.FloatField(
        label="Users in each arm, in %",
        initial=MOST_SHARE_PPM / PPM_A_PERCENT,
        help_text=f"At most {MOST_SHARE_PPM / PPM_A_PERCENT:g}.",
    )
    days = forms.IntegerField(initial=14, help_text=f"7 to {MOST_DAYS}: every weekday has to be in it.")
    users_a_day = forms.IntegerField(
        label="New users of the surface a day", initial=100_000, min_value=1, max_value=10**9
    )
    slope = forms.FloatField(
        label="Loss to be seen, in % per 100 ms",
        initial=0.5,
        min_value=0.001,
        max_value=10,
        help_text="Studies elsewhere found 0.1 to 1.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(surface.key, surface.name) for surface in organisation.surfaces()]
        self.fields["surface"].choices = choices  # type: ignore[attr-defined]

    def doses(self) -> list[int]:
        return numbers_of(self.cleaned_data["doses_ms"])

    def share_ppm(self) -> int:
        share: float = self.cleaned_data["share"]
        return round(share * PPM_A_PERCENT)


class StudyForm(PlanForm):
    """A study to be approved."""

    title = forms.CharField(max_length=200, help_text="For example: What a slower checkout costs.")
    key = forms.SlugField(max_length=63, help_text="Of its flag and experiment: slow-checkout.")
    environment = forms.CharField(max_length=63, initial="production")
    exposures = forms.IntegerField(
        label="Requests that may be slowed down in all",
        initial=1_000_000,
        min_value=1,
        help_text="The study ends when they are used up.",
    )
    concurrent = forms.IntegerField(
        label="Requests of one process that may wait at a time",
        initial=20,
        min_value=1,
        help_text="Waiting requests hold workers: beyond this nobody is slowed down.",
    )
    guardrails = forms.CharField(
        required=False, max_length=500, help_text="Metrics to watch beside the outcome."
    )
    dimensions = forms.CharField(
        required=False,
        max_length=300,
        help_text="What exposures carry and slopes are also given by, for example device.",
    )
    exclusions = forms.JSONField(
        required=False,
        initial=list,
        label="Who is left out, as conditions of a flag",
        help_text='For example [{"attribute": "page", "op": "equals", "value": "payment"}].',
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    ethics = forms.CharField(
        label="Why it is right to do this",
        help_text="Who is slowed down, why it is worth it, who is left out.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def facts(self) -> dict[str, Any]:
        """As the service takes them."""
        given = self.cleaned_data
        names = ("surface", "days", "title", "key", "environment", "exposures", "concurrent", "ethics")
        return {
            **{name: given[name] for name in names},
            "doses_ms": self.doses(),
            "share_ppm": self.share_ppm(),
            "guardrails": words_of(given["guardrails"]),
            "dimensions": words_of(given["dimensions"]),
            "exclusions": given["exclusions"] or [],
        }
