"""Everything that changes an experiment. Keyword-only, one transaction each, an audit row for each change."""

from experiments.services.drafting import (
    bind_metric,
    create,
    discard_revision,
    edit,
    revise,
    unbind_metric,
)
from experiments.services.running import (
    apply_revision,
    approve,
    decide,
    invalidate,
    send_back,
    start,
    stop,
    submit,
)
from experiments.services.widening import raise_coverage

__all__ = [
    "apply_revision",
    "approve",
    "bind_metric",
    "create",
    "decide",
    "discard_revision",
    "edit",
    "invalidate",
    "raise_coverage",
    "revise",
    "send_back",
    "start",
    "stop",
    "submit",
    "unbind_metric",
]
