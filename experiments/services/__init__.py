"""Everything that changes an experiment. Keyword-only, one transaction each, an audit row for each change."""

from experiments.services.applying import apply_change
from experiments.services.assignment import hold_traffic
from experiments.services.changing import approve_change, expire_changes, reject_change, request_change
from experiments.services.closing import check_off, close
from experiments.services.copying import follow_on
from experiments.services.drafting import (
    bind_metric,
    create,
    discard_revision,
    edit,
    hand_over,
    revise,
    unbind_metric,
)
from experiments.services.filtering import forget_filter, save_filter
from experiments.services.pausing import pause, resume
from experiments.services.ramping import (
    approve_ramp_step,
    end_ramp,
    pause_ramp,
    resume_ramp,
    start_ramp,
    tick_ramps,
)
from experiments.services.rolling_out import finish_rollout, follow_up, prepare_rollout, start_rollout
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
from experiments.services.scheduling import run_due, schedule, schedule_stop, unschedule
from experiments.services.widening import raise_coverage

__all__ = [
    "apply_change",
    "apply_revision",
    "approve",
    "approve_change",
    "approve_ramp_step",
    "bind_metric",
    "check_off",
    "close",
    "create",
    "decide",
    "discard_revision",
    "edit",
    "end_ramp",
    "expire_changes",
    "finish_rollout",
    "follow_on",
    "follow_up",
    "forget_filter",
    "hand_over",
    "hold_traffic",
    "invalidate",
    "pause",
    "pause_ramp",
    "prepare_rollout",
    "raise_coverage",
    "reject_change",
    "request_change",
    "resume",
    "resume_ramp",
    "revise",
    "run_due",
    "save_filter",
    "schedule",
    "schedule_stop",
    "send_back",
    "start",
    "start_ramp",
    "start_rollout",
    "stop",
    "submit",
    "tick_ramps",
    "unbind_metric",
    "unschedule",
]
