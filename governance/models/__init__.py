"""Entities of this layer, one file for each part of it."""

from governance.models.outbound import Delivery, DeliveryAttempt, FeedCursor, Receiver
from governance.models.policy import GuardrailMember, GuardrailSet, MarginUnit, Waiver, WaiverState
from governance.models.reviews import LaunchReview, ReviewFlag, ReviewState, SignOff, SignOffAnswer

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "FeedCursor",
    "GuardrailMember",
    "GuardrailSet",
    "LaunchReview",
    "MarginUnit",
    "Receiver",
    "ReviewFlag",
    "ReviewState",
    "SignOff",
    "SignOffAnswer",
    "Waiver",
    "WaiverState",
]
