from collections.abc import Callable

from django.urls import path

from flags import services
from flags.models import FlagVersion
from flags.pages import (
    code,
    detail,
    editing,
    holdouts,
    importing,
    keys,
    listing,
    places,
    preview,
    ramps,
    reviews,
    schedules,
    segments,
    steps,
    tidying,
)

ONE = "<slug:key>/"
RAMP_ACTS = {
    "pause": services.pause_ramp,
    "resume": services.resume_ramp,
    "end": services.end_ramp,
    "roll-back": services.roll_back_ramp,
}

REVIEW_STEPS: dict[str, Callable[..., FlagVersion]] = {
    "submit": services.submit_version,
    "approve": services.approve_version,
    "reject": services.reject_version,
    "withdraw": services.withdraw_version,
}

urlpatterns = [
    path("", listing.flags, name="flags"),
    path("new/", editing.create, name="flag-new"),
    path("environments/", places.environments, name="flag-environments"),
    path(
        "environments/<slug:key>/review/require/",
        reviews.require,
        {"is_required": True},
        name="flag-review-require",
    ),
    path(
        "environments/<slug:key>/review/lift/",
        reviews.require,
        {"is_required": False},
        name="flag-review-lift",
    ),
    path("filters/save/", tidying.save, name="flag-filter-save"),
    path("filters/<int:filter_id>/delete/", tidying.delete, name="flag-filter-delete"),
    path("holdouts/", holdouts.holdouts, name="flag-holdouts"),
    path(
        "holdouts/<slug:key>/start/",
        holdouts.move,
        {"name": "start", "service": services.start_holdout},
        name="flag-holdout-start",
    ),
    path(
        "holdouts/<slug:key>/end/",
        holdouts.move,
        {"name": "end", "service": services.end_holdout},
        name="flag-holdout-end",
    ),
    path(
        "scheduled/<int:change_id>/cancel/",
        schedules.settle,
        {"done": "It is cancelled.", "service": services.cancel_change},
        name="flag-change-cancel",
    ),
    path(
        "scheduled/<int:change_id>/approve/",
        schedules.settle,
        {"done": "It is approved.", "service": services.approve_change},
        name="flag-change-approve",
    ),
    path("layers/", places.layers, name="flag-layers"),
    path("segments/", segments.segments, name="flag-segments"),
    path("segments/<slug:key>/", segments.segment, name="flag-segment"),
    path("ramps/", ramps.plans, name="flag-ramps"),
    *(
        path(
            f"ramps/<int:ramp_id>/{name}/",
            ramps.act,
            {"name": name, "service": service},
            name=f"ramp-{name}",
        )
        for name, service in RAMP_ACTS.items()
    ),
    path(
        "ramps/<int:ramp_id>/steps/<int:step>/approve/",
        ramps.to_step,
        {"service": services.approve_step},
        name="ramp-approve",
    ),
    path(
        "ramps/<int:ramp_id>/steps/<int:step>/jump/",
        ramps.to_step,
        {"service": services.jump_ramp},
        name="ramp-jump",
    ),
    path("import/", importing.page, name="flag-import"),
    path("code/", code.code, name="flag-code"),
    path("code/forget/", code.forget, name="flag-code-forget"),
    path("keys/", keys.keys, name="sdk-keys"),
    path("keys/signing/", keys.signing_key, name="sdk-signing-key"),
    path("keys/<slug:prefix>/rotate/", keys.rotate, name="sdk-key-rotate"),
    path("keys/<slug:prefix>/revoke/", keys.revoke, name="sdk-key-revoke"),
    path(ONE, detail.flag, name="flag"),
    path(f"{ONE}edit/", editing.rules, name="flag-edit"),
    path(f"{ONE}preview/", preview.who_gets_what, name="flag-preview"),
    path(f"{ONE}versions/", detail.versions, name="flag-versions"),
    path(f"{ONE}versions/<int:number>/", detail.version, name="flag-version"),
    path(f"{ONE}versions/<int:number>/revert/", steps.revert, name="flag-revert"),
    *(
        path(
            f"{ONE}versions/<int:number>/{name}/",
            reviews.step,
            {"name": name, "service": service},
            name=f"flag-{name}",
        )
        for name, service in REVIEW_STEPS.items()
    ),
    path(f"{ONE}fold/", steps.fold, name="flag-fold"),
    path(f"{ONE}schedule/", schedules.schedule, name="flag-schedule"),
    path(f"{ONE}clean-up/<slug:step>/", tidying.tick, name="flag-tick"),
    path(f"{ONE}code/", code.of_flag, name="flag-references"),
    path(f"{ONE}history/", detail.history, name="flag-history"),
    path(f"{ONE}settings/", editing.settings, name="flag-settings"),
    path(f"{ONE}serve/", editing.serve, name="flag-serve"),
    path(f"{ONE}ramp/", ramps.start, name="flag-ramp"),
    path(f"{ONE}coverage/", steps.coverage, name="flag-coverage"),
    path(f"{ONE}switch-off/", steps.switch, {"on": False}, name="flag-switch-off"),
    path(f"{ONE}switch-on/", steps.switch, {"on": True}, name="flag-switch-on"),
    path(f"{ONE}hold/", steps.hold, name="flag-hold"),
    path(f"{ONE}holds/<int:hold_id>/release/", steps.release, name="flag-release"),
    path(f"{ONE}publish/", steps.publish, name="flag-publish"),
    path(f"{ONE}discard/", steps.discard, name="flag-discard"),
    path(f"{ONE}archive/", steps.archive, name="flag-archive"),
    path(f"{ONE}unarchive/", steps.unarchive, name="flag-unarchive"),
]
