"""Postmortems and what is to be done after them."""

from django.db import models
from django.db.models import F, Q

from governance.models.incidents import Incident

NAME = 150


class PostmortemState(models.TextChoices):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    PUBLISHED = "published"


class Postmortem(models.Model):
    """What happened and why, without people in it: the causes have no field for a person.

    `factors` are the contributing factors, one a line. `author` is who edited it last; somebody else
    reviews. A published one is frozen.
    """

    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="postmortem")
    state = models.CharField(max_length=9, choices=PostmortemState.choices, default=PostmortemState.DRAFT)
    summary = models.TextField(blank=True)
    impact = models.TextField(blank=True)
    causes = models.TextField(blank=True)
    factors = models.TextField(blank=True)
    detection = models.TextField(blank=True)
    lessons = models.TextField(blank=True)
    author = models.CharField(max_length=NAME)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField()
    reviewed_by = models.CharField(max_length=NAME, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=NAME, blank=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reviewed_by="") | ~Q(reviewed_by=F("author")),
                name="postmortem_reviewer_is_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"postmortem of incident {self.incident_id}: {self.state}"


class ActionState(models.TextChoices):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class ActionItem(models.Model):
    """Something to do after an incident. Overdue is an open one past its day; `reminded_on` is the last day
    on which that was said. `origin` makes those that Headway opens itself at most one."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="actions")
    title = models.CharField(max_length=300)
    owner = models.CharField(max_length=NAME)
    due_on = models.DateField()
    state = models.CharField(max_length=7, choices=ActionState.choices, default=ActionState.OPEN)
    origin = models.CharField(max_length=100, blank=True)
    created_by = models.CharField(max_length=NAME)
    created_at = models.DateTimeField()
    settled_by = models.CharField(max_length=NAME, blank=True)
    settled_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    reminded_on = models.DateField(null=True)

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(owner=""), name="action_item_has_an_owner"),
            models.UniqueConstraint(
                fields=["incident", "origin"], condition=~Q(origin=""), name="action_item_once_per_origin"
            ),
        ]
        indexes = [models.Index(fields=["due_on"], condition=Q(state="open"), name="open_actions_by_day")]

    def __str__(self) -> str:
        return f"{self.title} ({self.owner}, {self.due_on})"
