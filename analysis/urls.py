from django.urls import path, register_converter

from analysis.pages import report, steps, tabs


class Hash:
    """The first 12 characters of a report's SHA-256, or more."""

    regex = "[0-9a-f]{12,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Hash, "hash")

urlpatterns = [
    path("<slug:key>/report/", report.latest, name="experiment-report"),
    path("<slug:key>/report/<hash:sha256>/", report.pinned, name="experiment-snapshot"),
    *(
        path(
            f"<slug:key>/report/<hash:sha256>.{form}",
            report.export,
            {"form": form},
            name=f"experiment-{form}",
        )
        for form in report.FORMS
    ),
    path("<slug:key>/report/<hash:sha256>/reveal/", steps.reveal, name="experiment-reveal"),
    path("<slug:key>/report/<hash:sha256>/unblind/", steps.unblind, name="experiment-unblind"),
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
