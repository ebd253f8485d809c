"""What every service of flags and experiments does to coverage, and where people and clocks come in."""

FLAG_PATHS = {
    "publish", "set_coverage", "switch_on", "revert", "start_ramp", "jump_ramp", "approve_step",
    "resume_ramp", "schedule_change", "approve_change", "apply_changes", "publish_segment",
    "end_holdout", "unarchive", "ship_variant", "publish_experiment_rule",
    "end_rollout_rule",
}  # fmt: skip
FLAG_DRAFTS = {
    "checked_definition", "create_environment", "create_flag", "edit_flag", "import_flags", "save_draft",
    "submit_version", "approve_version",
}  # fmt: skip
"""They write or approve drafts, or serve something new its value at rest; what follows is `publish`."""
FLAG_CLOSING = {
    "archive", "begin_rollout_rule", "end_experiment_rule", "roll_back_ramp", "serve_default",
    "start_holdout", "switch_off",
}  # fmt: skip
"""They change what is served towards what is at rest, or for nobody yet."""
FLAG_HARMLESS = {
    "allocate_slots", "cancel_change", "create_holdout", "create_key", "create_layer", "create_ramp_plan",
    "create_segment", "delete_filter", "discard_draft", "draw_salt", "end_ramp", "forget_repository",
    "free_slots", "hold", "lock_environment", "note_use", "pause_ramp", "reject_version", "release_hold",
    "replace_references", "require_review", "revoke_key", "rotate_key", "save_filter", "signing_key",
    "tick_clean_up", "withdraw_version",
}  # fmt: skip
EXPERIMENT_PATHS = {
    "decide", "start_rollout", "finish_rollout", "start", "run_due", "schedule", "raise_coverage", "resume",
    "start_ramp", "tick_ramps", "resume_ramp", "approve_ramp_step", "apply_change", "apply_revision",
}  # fmt: skip
"""`decide` and the roll-out launch. The others widen an experiment, which is a launch when it gives one
variant to 95 % or more."""
EXPERIMENT_CLOSING = {"invalidate", "pause", "stop"}
EXPERIMENT_HARMLESS = {
    "approve", "approve_change", "bind_metric", "check_off", "close", "create", "discard_revision", "edit",
    "end_ramp", "expire_changes", "follow_on", "follow_up", "forget_filter", "hand_over", "hold_traffic",
    "pause_ramp", "prepare_rollout", "reject_change", "request_change", "revise", "save_filter",
    "schedule_stop", "send_back", "submit", "unbind_metric", "unschedule",
}  # fmt: skip
OTHER_PATHS = {
    "flags.services.ramps.tick", "flags.services.schedules.tick", "impact.services.studies.start_study",
}  # fmt: skip
"""What only the clock calls, and what starts an experiment from above."""
OTHER_CLOSING = {
    "analysis.services.tripping.act", "flags.services.handing.hand_over_flag",
    "impact.services.studies.end_study", "impact.services.watching.watch_studies",
}  # fmt: skip
"""They hold, stop or rename an owner; no definition opens."""

ENTRANCES = {
    "experiments.api.moving.Ramp": {"start_ramp"},
    "experiments.api.moving.RampStep": {"approve_ramp_step"},
    "experiments.api.moving.Schedule": {"schedule"},
    "experiments.api.urls.STEPS": {
        "apply_change", "apply_revision", "finish_rollout", "resume", "resume_ramp", "start_rollout",
    },
    "experiments.api.views.Coverage": {"raise_coverage"},
    "experiments.api.views.Decide": {"decide"},
    "experiments.api.views.Start": {"start"},
    "experiments.pages.moving.approve_ramp_step": {"approve_ramp_step"},
    "experiments.pages.moving.schedule": {"schedule"},
    "experiments.pages.moving.start_ramp": {"start_ramp"},
    "experiments.pages.steps.coverage": {"raise_coverage"},
    "experiments.pages.steps.decide": {"decide"},
    "experiments.pages.steps.start": {"start"},
    "experiments.tasks.ramp_tick": {"tick_ramps"},
    "experiments.tasks.run_schedule": {"run_due"},
    "experiments.urls.STEPS": {"apply_change", "apply_revision", "resume", "resume_ramp"},
    "experiments.urls.WAY_OUT": {"finish_rollout", "start_rollout"},
    "flags.api.flags.Unarchive": {"unarchive"},
    "flags.api.holdouts.HoldoutEnd": {"end_holdout"},
    "flags.api.places.SegmentVersions": {"publish_segment"},
    "flags.api.ramps.RampStep": {"jump_ramp"},
    "flags.api.ramps.Ramps": {"start_ramp"},
    "flags.api.schedules.ChangeApproval": {"approve_change"},
    "flags.api.schedules.Changes": {"schedule_change"},
    "flags.api.urls.RAMP_ACTS": {"resume_ramp"},
    "flags.api.urls.RAMP_STEPS": {"approve_step", "jump_ramp"},
    "flags.api.versions.Coverage": {"set_coverage"},
    "flags.api.versions.Publish": {"publish"},
    "flags.api.versions.Revert": {"revert"},
    "flags.api.versions.SwitchOn": {"switch_on"},
    "flags.api.versions.VersionStep": {"publish"},
    "flags.api.whole.Apply": {"apply_changes"},
    "flags.pages.ramps.start": {"start_ramp"},
    "flags.pages.schedules.schedule": {"schedule_change"},
    "flags.pages.segments._published": {"publish_segment"},
    "flags.pages.steps.coverage": {"set_coverage"},
    "flags.pages.steps.publish": {"publish"},
    "flags.pages.steps.revert": {"revert"},
    "flags.pages.steps.switch": {"switch_on"},
    "flags.pages.steps.unarchive": {"unarchive"},
    "flags.tasks.ramp_tick": {"tick"},
    "flags.tasks.schedule_tick": {"tick"},
    "flags.urls.RAMP_ACTS": {"resume_ramp"},
    "impact.api.studies.Start": {"start_study"},
    "impact.pages.studies.start": {"start_study"},
    "flags.urls.urlpatterns": {"approve_change", "approve_step", "end_holdout", "jump_ramp"},
}  # fmt: skip
"""Addresses, pages and tasks that can widen what people see, with the services they call."""
