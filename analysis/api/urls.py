from collections.abc import Callable

from django.urls import path

from analysis import services
from analysis.addresses import PAIR, SHA256
from analysis.api import calibration, imports, reading, sharing, sources, views
from analysis.models import GuardrailTrip
from analysis.planning import api as planning
from analysis.portfolio import api as portfolio
from analysis.portfolio import interaction_api as interactions
from analysis.report.forms import FORMS, PICTURES

ONE = "experiments/<slug:key>"
STEPS: dict[str, Callable[..., GuardrailTrip]] = {
    "acknowledge": services.acknowledge_trip,
    "resolve": services.resolve_trip,
    "waive": services.waive_trip,
}

urlpatterns = [
    path("planning/duration", planning.Duration.as_view(), name="api-planning-duration"),
    path(f"{ONE}/posterior", portfolio.Posterior.as_view(), name="api-posterior"),
    path("portfolio/impact", portfolio.Impact.as_view(), name="api-portfolio-impact"),
    path("portfolio/interactions", portfolio.Interactions.as_view(), name="api-portfolio-interactions"),
    path(f"portfolio/{PAIR}", interactions.Interaction.as_view(), name="api-portfolio-interaction"),
    path("portfolio/digest", portfolio.Digest.as_view(), name="api-portfolio-digest"),
    path("planning/split", planning.Split.as_view(), name="api-planning-split"),
    path(f"{ONE}/sizing", planning.Sizing.as_view(), name="api-sizing"),
    path(f"{ONE}/report", views.LatestReport.as_view(), name="api-report"),
    path(f"{ONE}/report/changes", reading.Changes.as_view(), name="api-report-changes"),
    path(f"{ONE}/report/unblind", reading.Unblind.as_view(), name="api-report-unblind"),
    path(f"{ONE}/results", views.Results.as_view(), name="api-results"),
    path(f"{ONE}/imports", imports.Imports.as_view(), name="api-imports"),
    path(f"{ONE}/shares", sharing.Shares.as_view(), name="api-shares"),
    path(f"{ONE}/shares/<int:link_id>", sharing.Share.as_view(), name="api-share"),
    path(f"{ONE}/runs", views.Runs.as_view(), name="api-runs"),
    *(
        path(f"reports/{SHA256}.{form}", views.Report.as_view(form=form), name=f"api-report-{form}")
        for form in FORMS
    ),
    *(
        path(
            f"reports/{SHA256}/charts/<slug:name>.{form}",
            views.Chart.as_view(form=form),
            name=f"api-chart-{form}",
        )
        for form in PICTURES
    ),
    path("metrics/-/calibration", calibration.Calibrations.as_view(), name="api-calibrations"),
    path("metrics/<slug:key>/calibration", calibration.Calibration.as_view(), name="api-metric-calibration"),
    path("sources", sources.SourceList.as_view(), name="api-sources"),
    path("sources/<slug:key>", sources.SourceDetail.as_view(), name="api-source"),
    path("sources/<slug:key>/test", sources.SourceTesting.as_view(), name="api-source-test"),
    path("trips", views.Trips.as_view(), name="api-trips"),
    *(
        path(
            f"trips/<int:trip_id>/{name}",
            views.TripStep.as_view(service=service, needs_person=name != "acknowledge"),
            name=f"api-trip-{name}",
        )
        for name, service in STEPS.items()
    ),
]
