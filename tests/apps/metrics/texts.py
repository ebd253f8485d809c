"""Metric definitions for tests."""


def metric_text(key="orders-per-user", *, title=None, direction="up", owner="rosa", unit="orders", extra=""):
    """A good definition as TOML; `extra` is added before the tables."""
    return f"""\
key = "{key}"
title = "{title or key.replace("-", " ").capitalize()}"
question = "How many orders does a user place?"
kind = "count"
unit = "{unit}"
direction = "{direction}"
owner = "{owner}"
hypothesis = "An easier checkout raises it; no change after one refutes that."
{extra}
[source]
event = "purchase"
"""
