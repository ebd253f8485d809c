from collections.abc import Callable

from django.urls import path

from experiments import services
from experiments.api import moving, views

ONE = "experiments/<slug:key>"
STEPS: dict[str, Callable[..., object]] = {
    "submit": services.submit,
    "approve": services.approve,
    "send-back": services.send_back,
    "revise": services.revise,
    "apply-revision": services.apply_revision,
    "discard-revision": services.discard_revision,
    "invalidate": services.invalidate,
    "unschedule": services.unschedule,
    "pause": services.pause,
    "resume": services.resume,
    "approve-change": services.approve_change,
    "reject-change": services.reject_change,
    "apply-change": services.apply_change,
    "ramp/pause": services.pause_ramp,
    "ramp/resume": services.resume_ramp,
    "ramp/end": services.end_ramp,
    "rollout/start": services.start_rollout,
    "rollout/finish": services.finish_rollout,
    "rollout/follow-up": services.follow_up,
    "close": services.close,
}
BY_PEOPLE = ("approve", "approve-change")
"""Steps that take a second person."""

urlpatterns = [
    path("experiments", views.ExperimentList.as_view(), name="api-experiments"),
    path(ONE, views.ExperimentDetail.as_view(), name="api-experiment"),
    path(f"{ONE}/bindings", views.Bindings.as_view(), name="api-experiment-bindings"),
    path(f"{ONE}/bindings/<slug:metric>", views.BindingDetail.as_view(), name="api-experiment-binding"),
    path(f"{ONE}/preflight", views.Preflight.as_view(), name="api-experiment-preflight"),
    path(f"{ONE}/versions", views.Versions.as_view(), name="api-experiment-versions"),
    path(f"{ONE}/phases", views.Phases.as_view(), name="api-experiment-phases"),
    path(f"{ONE}/start", views.Start.as_view(), name="api-experiment-start"),
    path(f"{ONE}/stop", views.Stop.as_view(), name="api-experiment-stop"),
    path(f"{ONE}/coverage", views.Coverage.as_view(), name="api-experiment-coverage"),
    path(f"{ONE}/decide", views.Decide.as_view(), name="api-experiment-decide"),
    path(f"{ONE}/schedule", moving.Schedule.as_view(), name="api-experiment-schedule"),
    path(f"{ONE}/schedule-stop", moving.ScheduleStop.as_view(), name="api-experiment-schedule-stop"),
    path(f"{ONE}/changes", moving.Changes.as_view(), name="api-experiment-changes"),
    path(f"{ONE}/ramp", moving.Ramp.as_view(), name="api-experiment-ramp"),
    path(f"{ONE}/ramp/approve-step", moving.RampStep.as_view(), name="api-experiment-ramp-step"),
    path(f"{ONE}/rollout", moving.RolloutView.as_view(), name="api-experiment-rollout"),
    path(f"{ONE}/clean-up", moving.CleanUpList.as_view(), name="api-experiment-clean-up"),
    path(f"{ONE}/clean-up/<slug:item>", moving.CleanUpItem.as_view(), name="api-experiment-clean-up-item"),
    path(f"{ONE}/follow-on", moving.FollowOn.as_view(), name="api-experiment-follow-on"),
    *(
        path(
            f"{ONE}/{name}",
            views.Step.as_view(service=service, needs_person=name in BY_PEOPLE),
            name=f"api-experiment-{name.replace('/', '-')}",
        )
        for name, service in STEPS.items()
    ),
]
