"""Everything that changes flags. Keyword-only, one transaction each, an audit row for each change."""

from flags.services.applying import apply_changes
from flags.services.catalogue import archive, create_flag, edit_flag, serve_default, unarchive
from flags.services.environments import create_environment, lock_environment, require_review
from flags.services.holdouts import create_holdout, end_holdout, start_holdout
from flags.services.holds import hold, release_hold
from flags.services.importing import import_flags
from flags.services.keys import create_key, note_use, revoke_key, rotate_key, signing_key
from flags.services.layers import allocate_slots, create_layer, free_slots
from flags.services.ramps import (
    approve_step,
    create_ramp_plan,
    end_ramp,
    jump_ramp,
    pause_ramp,
    resume_ramp,
    roll_back_ramp,
    start_ramp,
)
from flags.services.references import forget_repository, replace_references
from flags.services.reviews import approve_version, reject_version, submit_version, withdraw_version
from flags.services.rolling_out import begin_rollout_rule, end_rollout_rule
from flags.services.salts import draw_salt
from flags.services.schedules import approve_change, cancel_change, schedule_change
from flags.services.segments import create_segment, publish_segment
from flags.services.steering import (
    end_experiment_rule,
    publish_experiment_rule,
    set_coverage,
    ship_variant,
    switch_off,
    switch_on,
)
from flags.services.tidying import delete_filter, save_filter, tick_clean_up
from flags.services.versions import checked_definition, discard_draft, publish, revert, save_draft

__all__ = [
    "allocate_slots",
    "apply_changes",
    "approve_change",
    "approve_step",
    "approve_version",
    "archive",
    "begin_rollout_rule",
    "cancel_change",
    "checked_definition",
    "create_environment",
    "create_flag",
    "create_holdout",
    "create_key",
    "create_layer",
    "create_ramp_plan",
    "create_segment",
    "delete_filter",
    "discard_draft",
    "draw_salt",
    "edit_flag",
    "end_experiment_rule",
    "end_holdout",
    "end_ramp",
    "end_rollout_rule",
    "forget_repository",
    "free_slots",
    "hold",
    "import_flags",
    "jump_ramp",
    "lock_environment",
    "note_use",
    "pause_ramp",
    "publish",
    "publish_experiment_rule",
    "publish_segment",
    "reject_version",
    "release_hold",
    "replace_references",
    "require_review",
    "resume_ramp",
    "revert",
    "revoke_key",
    "roll_back_ramp",
    "rotate_key",
    "save_draft",
    "save_filter",
    "schedule_change",
    "serve_default",
    "set_coverage",
    "ship_variant",
    "signing_key",
    "start_holdout",
    "start_ramp",
    "submit_version",
    "switch_off",
    "switch_on",
    "tick_clean_up",
    "unarchive",
    "withdraw_version",
]
