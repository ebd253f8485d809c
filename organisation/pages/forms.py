"""The forms of teams, surfaces, roles and handing over."""

from typing import Any

from django import forms

from organisation import queries
from organisation.models import Surface, Team
from organisation.roles import MEANINGS, Discipline, Role

KEY_HELP = "Small letters, digits and hyphens. It goes into addresses and cannot change."
OWNER_HELP = "The user name of the person who answers for it."
BACKUP_HELP = "Who answers when the owner is away."


def choices(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value.replace("_", " ")) for word in words]


class TeamForm(forms.Form):
    key = forms.CharField(max_length=63, help_text=KEY_HELP)
    name = forms.CharField(max_length=200)
    owner = forms.CharField(max_length=150, help_text=OWNER_HELP)
    backup = forms.CharField(max_length=150, required=False, help_text=BACKUP_HELP)
    channel = forms.CharField(
        max_length=100, required=False, help_text="Where the team reads messages, for example #checkout."
    )


class SurfaceForm(forms.Form):
    key = forms.CharField(max_length=63, help_text=KEY_HELP)
    name = forms.CharField(max_length=200)
    team = forms.ChoiceField(help_text="Who builds it.")
    owner = forms.CharField(max_length=150, help_text=OWNER_HELP)
    backup = forms.CharField(max_length=150, required=False, help_text=BACKUP_HELP)
    description = forms.CharField(
        max_length=500, required=False, help_text="What people do there, for example: pay for the basket."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].choices = [(team.key, team.name) for team in queries.teams()]  # type: ignore[attr-defined]


class GrantForm(forms.Form):
    user = forms.CharField(max_length=150, help_text="The user name of somebody with an account.")
    role = forms.ChoiceField(
        choices=[(role.value, f"{role.value.replace('_', ' ')}: {MEANINGS[role]}") for role in Role]
    )
    discipline = forms.ChoiceField(
        choices=[("", "none"), *choices(Discipline)], required=False, help_text="For reviewers only."
    )
    environment = forms.CharField(
        max_length=63, required=False, help_text="Empty for every environment, or for example: production."
    )


class HandOverForm(forms.Form):
    to_user = forms.CharField(max_length=150, label="New owner", help_text="Somebody with an account.")
    reason = forms.CharField(max_length=500, label="Why", help_text="For the audit trail.")


def team_facts(team: Team) -> dict[str, str]:
    return {name: getattr(team, name) for name in TeamForm.base_fields}


def surface_facts(surface: Surface) -> dict[str, str]:
    facts = {name: getattr(surface, name) for name in SurfaceForm.base_fields}
    return facts | {"team": surface.team.key}
