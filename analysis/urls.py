from django.urls import path

from analysis.addresses import SHA256
from analysis.pages import report, steps, tabs

urlpatterns = [
    path("<slug:key>/report/", report.latest, name="experiment-report"),
    path(f"<slug:key>/report/{SHA256}/", report.pinned, name="experiment-snapshot"),
    *(
        path(
            f"<slug:key>/report/{SHA256}.{form}",
            report.export,
            {"form": form},
            name=f"experiment-{form}",
        )
        for form in report.FORMS
    ),
    path(f"<slug:key>/report/{SHA256}/reveal/", steps.reveal, name="experiment-reveal"),
    path(f"<slug:key>/report/{SHA256}/unblind/", steps.unblind, name="experiment-unblind"),
    path("<slug:key>/health/", tabs.health, name="experiment-health"),
    path("<slug:key>/explore/", tabs.explore, name="experiment-explore"),
    path("<slug:key>/look/", steps.look, name="experiment-look"),
    path("<slug:key>/look/state/", tabs.look_state, name="experiment-look-state"),
    *(
        path(
            f"<slug:key>/trips/<int:trip_id>/{step}/",
            steps.settle,
            {"step": step},
            name=f"experiment-trip-{step}",
        )
        for step in steps.TRIP_STEPS
    ),
]
