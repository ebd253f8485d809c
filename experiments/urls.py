from collections.abc import Callable

from django.urls import path

from experiments import services
from experiments.pages import detail, editing, listing, steps

STEPS: dict[str, tuple[Callable[..., object], str]] = {
    "submit": (services.submit, "The plan waits for approval."),
    "approve": (services.approve, "The plan is approved."),
    "send-back": (services.send_back, "The plan is a draft again."),
    "revise": (services.revise, "There is a new version to edit; the running one stays until you apply it."),
    "apply-revision": (services.apply_revision, "The new version is in force; a new phase began."),
    "discard-revision": (services.discard_revision, "The new version was dropped."),
    "stop": (services.stop, "The experiment stopped."),
    "invalidate": (services.invalidate, "The experiment is invalid."),
}

urlpatterns = [
    path("", listing.experiments, name="experiments"),
    path("new/", editing.create, name="experiment-new"),
    path("<slug:key>/", listing.experiment, name="experiment"),
    path("<slug:key>/plan/", detail.plan, name="experiment-plan"),
    path("<slug:key>/history/", detail.history, name="experiment-history"),
    path("<slug:key>/edit/", editing.edit, name="experiment-edit"),
    path("<slug:key>/bind/", steps.bind, name="experiment-bind"),
    path("<slug:key>/unbind/<slug:metric>/", steps.unbind, name="experiment-unbind"),
    path("<slug:key>/start/", steps.start, name="experiment-start"),
    path("<slug:key>/coverage/", steps.coverage, name="experiment-coverage"),
    path("<slug:key>/decision/", detail.decide, name="experiment-decision"),
    path("<slug:key>/decide/", steps.decide, name="experiment-decide"),
    *(
        path(
            f"<slug:key>/{name}/",
            steps.step,
            {"service": service, "done": done},
            name=f"experiment-{name}",
        )
        for name, (service, done) in STEPS.items()
    ),
]
