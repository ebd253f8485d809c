from collections.abc import Callable

from django.urls import path

from flags import services
from flags.api import (
    flags,
    holdouts,
    importing,
    places,
    ramps,
    references,
    reviews,
    schedules,
    versions,
    whole,
)
from flags.models import FlagVersion

FLAG = "flags/<slug:key>"
PLACE = "environments/<slug:environment>"
ONE = f"{FLAG}/environments/<slug:environment>"

RAMP_ACTS = {
    "pause": services.pause_ramp,
    "resume": services.resume_ramp,
    "end": services.end_ramp,
    "rollback": services.roll_back_ramp,
}
REVIEW_STEPS: dict[str, tuple[Callable[..., FlagVersion], bool]] = {
    "submit": (services.submit_version, False),
    "approve": (services.approve_version, True),
    "reject": (services.reject_version, True),
    "withdraw": (services.withdraw_version, False),
}
RAMP_STEPS = {"approve-step": services.approve_step, "jump": services.jump_ramp}

urlpatterns = [
    path("flags", flags.FlagList.as_view(), name="api-flags"),
    path(FLAG, flags.FlagDetail.as_view(), name="api-flag"),
    path(f"{FLAG}/archive", flags.Archive.as_view(), name="api-flag-archive"),
    path(f"{FLAG}/unarchive", flags.Unarchive.as_view(), name="api-flag-unarchive"),
    path(ONE, flags.FlagPlace.as_view(), name="api-flag-place"),
    path(f"{ONE}/draft", versions.Draft.as_view(), name="api-flag-draft"),
    path(f"{ONE}/check", versions.Check.as_view(), name="api-flag-check"),
    path(f"{ONE}/versions", versions.VersionList.as_view(), name="api-flag-versions"),
    path(f"{ONE}/versions/<int:number>", versions.VersionDetail.as_view(), name="api-flag-version"),
    path(f"{ONE}/versions/<int:number>/publish", versions.Publish.as_view(), name="api-flag-publish"),
    path(f"{ONE}/versions/<int:number>/revert", versions.Revert.as_view(), name="api-flag-revert"),
    *(
        path(
            f"{ONE}/versions/<int:number>/{name}",
            reviews.ReviewStep.as_view(service=service, needs_person=needs_person),
            name=f"api-flag-{name}",
        )
        for name, (service, needs_person) in REVIEW_STEPS.items()
    ),
    path(f"{ONE}/scheduled", schedules.Changes.as_view(), name="api-flag-scheduled"),
    path("scheduled/<int:change_id>/approve", schedules.ChangeApproval.as_view(), name="api-change-approve"),
    path(
        "scheduled/<int:change_id>/cancel", schedules.ChangeCancellation.as_view(), name="api-change-cancel"
    ),
    path("holdouts", holdouts.HoldoutList.as_view(), name="api-holdouts"),
    path("holdouts/<slug:key>", holdouts.HoldoutDetail.as_view(), name="api-holdout"),
    path("holdouts/<slug:key>/start", holdouts.HoldoutStart.as_view(), name="api-holdout-start"),
    path("holdouts/<slug:key>/end", holdouts.HoldoutEnd.as_view(), name="api-holdout-end"),
    path(f"{PLACE}/review", reviews.ReviewSetting.as_view(), name="api-environment-review"),
    path(f"{ONE}/diff", versions.Diff.as_view(), name="api-flag-diff"),
    path(f"{ONE}/coverage", versions.Coverage.as_view(), name="api-flag-coverage"),
    path(f"{ONE}/switch-off", versions.SwitchOff.as_view(), name="api-flag-switch-off"),
    path(f"{ONE}/switch-on", versions.SwitchOn.as_view(), name="api-flag-switch-on"),
    path(f"{ONE}/holds", versions.Holds.as_view(), name="api-flag-holds"),
    path("holds/<int:hold_id>/release", versions.Release.as_view(), name="api-hold-release"),
    path(f"{ONE}/preview", versions.Preview.as_view(), name="api-flag-preview"),
    path(f"{ONE}/ramps", ramps.Ramps.as_view(), name="api-flag-ramps"),
    path("ramps/<int:ramp_id>", ramps.RampDetail.as_view(), name="api-ramp"),
    *(
        path(f"ramps/<int:ramp_id>/{name}", ramps.RampAct.as_view(service=service), name=f"api-ramp-{name}")
        for name, service in RAMP_ACTS.items()
    ),
    *(
        path(
            f"ramps/<int:ramp_id>/{name}",
            ramps.RampStep.as_view(service=service, needs_person=name == "approve-step"),
            name=f"api-ramp-{name}",
        )
        for name, service in RAMP_STEPS.items()
    ),
    path("ramp-plans", ramps.RampPlans.as_view(), name="api-ramp-plans"),
    path("environments", places.EnvironmentList.as_view(), name="api-environments"),
    path(f"{PLACE}/state", whole.State.as_view(), name="api-environment-state"),
    path(f"{PLACE}/document", whole.Document.as_view(), name="api-environment-document"),
    path(f"{PLACE}/apply", whole.Apply.as_view(), name="api-environment-apply"),
    path(f"{PLACE}/import", importing.Import.as_view(), name="api-environment-import"),
    path("whoami", whole.Whoami.as_view(), name="api-whoami"),
    path("code-references", references.Code.as_view(), name="api-code"),
    path(f"{FLAG}/references", references.FlagReferences.as_view(), name="api-flag-references"),
    path("layers", places.LayerList.as_view(), name="api-layers"),
    path("layers/<slug:key>", places.LayerDetail.as_view(), name="api-layer"),
    path("segments", places.SegmentList.as_view(), name="api-segments"),
    path(
        "segments/<slug:key>/environments/<slug:environment>/versions",
        places.SegmentVersions.as_view(),
        name="api-segment-versions",
    ),
    path("keys", places.KeyList.as_view(), name="api-keys"),
    path(
        "environments/<slug:key>/signing-key", places.SigningKey.as_view(), name="api-environment-signing-key"
    ),
    path("keys/<slug:prefix>/rotate", places.KeyRotate.as_view(), name="api-key-rotate"),
    path("keys/<slug:prefix>/revoke", places.KeyRevoke.as_view(), name="api-key-revoke"),
]
