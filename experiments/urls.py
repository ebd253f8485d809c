from collections.abc import Callable

from django.urls import path

from experiments import services
from experiments.pages import detail, editing, listing, moving, rollout, steps

STEPS: dict[str, tuple[Callable[..., object], str]] = {
    "submit": (services.submit, "The plan waits for approval."),
    "approve": (services.approve, "The plan is approved."),
    "send-back": (services.send_back, "The plan is a draft again."),
    "revise": (services.revise, "There is a new version to edit; the running one stays until you apply it."),
    "apply-revision": (services.apply_revision, "The new version is in force; a new phase began."),
    "discard-revision": (services.discard_revision, "The new version was dropped."),
    "invalidate": (services.invalidate, "The experiment is invalid."),
    "unschedule": (services.unschedule, "The start was taken back; the approval stays."),
    "pause": (services.pause, "Everybody gets the flag's default until you resume."),
    "resume": (services.resume, "The arms are served again; nobody changed arm."),
    "approve-change": (services.approve_change, "You agreed to the change; it can be applied."),
    "reject-change": (services.reject_change, "The change was rejected; the draft stays."),
    "apply-change": (services.apply_change, "The change is in force; a new phase began."),
    "ramp-pause": (services.pause_ramp, "The ramp is paused; the coverage stays."),
    "ramp-resume": (services.resume_ramp, "The ramp goes on; the current step is held anew."),
    "ramp-end": (services.end_ramp, "The ramp is over; the coverage stays."),
}
WAY_OUT: dict[str, tuple[Callable[..., object], str]] = {
    "start-rollout": (services.start_rollout, "The roll-out began."),
    "finish-rollout": (services.finish_rollout, "Everybody gets it now, as the flag's default."),
    "follow-up": (services.follow_up, "Kept beside what was predicted."),
    "close": (services.close, "The experiment is closed."),
}

urlpatterns = [
    path("", listing.experiments, name="experiments"),
    path("new/", editing.create, name="experiment-new"),
    path("filters/save/", listing.save_filter, name="experiments-save-filter"),
    path("filters/<int:filter_id>/drop/", listing.forget_filter, name="experiments-forget-filter"),
    path("<slug:key>/", listing.experiment, name="experiment"),
    path("<slug:key>/plan/", detail.plan, name="experiment-plan"),
    path("<slug:key>/history/", detail.history, name="experiment-history"),
    path("<slug:key>/edit/", editing.edit, name="experiment-edit"),
    path("<slug:key>/bind/", steps.bind, name="experiment-bind"),
    path("<slug:key>/unbind/<slug:metric>/", steps.unbind, name="experiment-unbind"),
    path("<slug:key>/start/", steps.start, name="experiment-start"),
    path("<slug:key>/stop/", steps.stop, name="experiment-stop"),
    path("<slug:key>/coverage/", steps.coverage, name="experiment-coverage"),
    path("<slug:key>/decision/", detail.decide, name="experiment-decision"),
    path("<slug:key>/decide/", steps.decide, name="experiment-decide"),
    path("<slug:key>/schedule/", moving.schedule, name="experiment-schedule"),
    path("<slug:key>/schedule-stop/", moving.schedule_stop, name="experiment-schedule-stop"),
    path("<slug:key>/request-change/", moving.request_change, name="experiment-request-change"),
    path("<slug:key>/ramp/", moving.start_ramp, name="experiment-ramp"),
    path("<slug:key>/ramp/<int:step>/", moving.approve_ramp_step, name="experiment-ramp-step"),
    path("<slug:key>/follow-on/", moving.follow_on, name="experiment-follow-on"),
    path("<slug:key>/rollout/", rollout.rollout, name="experiment-rollout"),
    path("<slug:key>/clean-up/<slug:item>/", rollout.check_off, name="experiment-check-off"),
    *(
        path(
            f"<slug:key>/{name}/",
            steps.step,
            {"service": service, "done": done, "back": back},
            name=f"experiment-{name}",
        )
        for back, named in (("experiment-plan", STEPS), ("experiment-rollout", WAY_OUT))
        for name, (service, done) in named.items()
    ),
]
