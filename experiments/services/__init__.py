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

__all__ = [
    "apply_revision",
    "approve",
    "bind_metric",
    "create",
    "decide",
    "discard_revision",
    "edit",
    "invalidate",
    "revise",
    "send_back",
    "start",
    "stop",
    "submit",
    "unbind_metric",
]
