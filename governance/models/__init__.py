"""Entities of this layer, one file for each part of it."""

from governance.models.budgets import BudgetWaiver
from governance.models.digest import Digest
from governance.models.documents import DesignDocument
from governance.models.incidents import (
    BacktestState,
    Incident,
    IncidentNote,
    IncidentState,
    RetroGuardrail,
)
from governance.models.outbound import Delivery, DeliveryAttempt, FeedCursor, Receiver
from governance.models.policy import GuardrailMember, GuardrailSet, MarginUnit, Waiver, WaiverState
from governance.models.postmortems import ActionItem, ActionState, Postmortem, PostmortemState
from governance.models.reviews import LaunchReview, ReviewFlag, ReviewState, SignOff, SignOffAnswer

__all__ = [
    "ActionItem",
    "ActionState",
    "BacktestState",
    "BudgetWaiver",
    "Delivery",
    "DeliveryAttempt",
    "DesignDocument",
    "Digest",
    "FeedCursor",
    "GuardrailMember",
    "GuardrailSet",
    "Incident",
    "IncidentNote",
    "IncidentState",
    "LaunchReview",
    "MarginUnit",
    "Postmortem",
    "PostmortemState",
    "Receiver",
    "RetroGuardrail",
    "ReviewFlag",
    "ReviewState",
    "SignOff",
    "SignOffAnswer",
    "Waiver",
    "WaiverState",
]
