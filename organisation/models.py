"""Teams, surfaces and the roles people hold.

Owners and backups are user names: people come and go, what they owned stays readable.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from organisation.roles import Discipline, Role

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
NAME = 150


def key_field() -> "models.CharField[str, str]":
    return models.CharField(max_length=63, unique=True, validators=[RegexValidator(SLUG)])


class Owned(models.Model):
    """What has an owner, and a backup who is somebody else."""

    key = key_field()
    name = models.CharField(max_length=200)
    owner = models.CharField(max_length=NAME)
    backup = models.CharField(max_length=NAME, blank=True)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(condition=Q(key__regex=SLUG), name="%(class)s_key_slug"),
            models.CheckConstraint(condition=~Q(owner=""), name="%(class)s_has_owner"),
            models.CheckConstraint(
                condition=Q(backup="") | ~Q(backup=F("owner")), name="%(class)s_backup_is_somebody_else"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Team(Owned):
    """People who build together. `channel` is where they read messages, for example #checkout."""

    channel = models.CharField(max_length=100, blank=True)


class Surface(Owned):
    """A part of the product with a speed of its own: a page, a screen, an endpoint."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="surfaces")
    description = models.CharField(max_length=500, blank=True)


class RoleGrant(models.Model):
    """A role somebody holds until it is taken back; the row stays."""

    user = models.CharField(max_length=NAME)
    role = models.CharField(max_length=12, choices=[(role.value, role.value) for role in Role])
    discipline = models.CharField(
        max_length=11, blank=True, choices=[(each.value, each.value) for each in Discipline]
    )
    environment = models.CharField(max_length=63, blank=True)
    granted_by = models.CharField(max_length=NAME)
    granted_at = models.DateTimeField()
    revoked_by = models.CharField(max_length=NAME, blank=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["user", "role", "discipline", "environment", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "discipline", "environment"],
                condition=Q(revoked_at__isnull=True),
                name="role_held_once",
            ),
            models.CheckConstraint(
                condition=Q(role="reviewer") & ~Q(discipline="") | ~Q(role="reviewer") & Q(discipline=""),
                name="reviewers_have_a_discipline",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {' '.join(filter(None, (self.role, self.discipline, self.environment)))}"
