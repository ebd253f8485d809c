from collections.abc import Callable

from django.urls import path

from experiments import services
from experiments.api import views

ONE = "experiments/<slug:key>"
STEPS: dict[str, Callable[..., object]] = {
    "submit": services.submit,
    "approve": services.approve,
    "send-back": services.send_back,
    "revise": services.revise,
    "apply-revision": services.apply_revision,
    "discard-revision": services.discard_revision,
    "invalidate": services.invalidate,
}

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
    *(
        path(f"{ONE}/{name}", views.Step.as_view(service=service), name=f"api-experiment-{name}")
        for name, service in STEPS.items()
    ),
]
