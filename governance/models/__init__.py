"""Entities of this layer, one file for each part of it."""

from governance.models.outbound import Delivery, DeliveryAttempt, FeedCursor, Receiver

__all__ = ["Delivery", "DeliveryAttempt", "FeedCursor", "Receiver"]
