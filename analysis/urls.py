from django.urls import path

from analysis.addresses import PAIR, SHA256
from analysis.pages import against, importing, report, sharing, steps, tabs
from analysis.planning import pages as planning
from analysis.portfolio import interaction_pages as interactions
from analysis.portfolio import pages as portfolio
from analysis.report.forms import FORMS, PICTURES

urlpatterns = [
    path("tools/duration/", planning.duration, name="planning-duration"),
    path("<slug:key>/posterior/", portfolio.posterior, name="experiment-posterior"),
    path("portfolio/impact/", portfolio.impact, name="portfolio-impact"),
    path("portfolio/interactions/", portfolio.interactions, name="portfolio-interactions"),
    path(f"portfolio/{PAIR}/", interactions.pair, name="portfolio-interaction"),
    path(f"portfolio/{PAIR}/state/", interactions.state, name="portfolio-interaction-state"),
    path(f"portfolio/{PAIR}/estimate/", interactions.estimate, name="portfolio-interaction-estimate"),
    path("portfolio/timeline/", portfolio.timeline, name="portfolio-timeline"),
    path("portfolio/week/", portfolio.digest, name="portfolio-digest"),
    path("tools/split/", planning.split, name="planning-split"),
    path("<slug:key>/sizing/", planning.sizing, name="experiment-sizing"),
    path("<slug:key>/report/", report.latest, name="experiment-report"),
    path("-/rules/", against.rules, name="decision-rules"),
    path("<slug:key>/report/against/", against.against, name="experiment-against"),
    path(f"<slug:key>/report/{SHA256}/", report.pinned, name="experiment-snapshot"),
    *(
        path(
            f"<slug:key>/report/{SHA256}.{form}",
            report.export,
            {"form": form},
            name=f"experiment-{form}",
        )
        for form in FORMS
    ),
    *(
        path(
            f"<slug:key>/report/{SHA256}/charts/<slug:name>.{form}",
            report.chart,
            {"form": form},
            name=f"experiment-chart-{form}",
        )
        for form in PICTURES
    ),
    path(f"<slug:key>/report/{SHA256}/reveal/", steps.reveal, name="experiment-reveal"),
    path(f"<slug:key>/report/{SHA256}/unblind/", steps.unblind, name="experiment-unblind"),
    path("<slug:key>/shares/", sharing.links, name="experiment-shares"),
    path("<slug:key>/shares/<int:link_id>/revoke/", sharing.revoke, name="experiment-share-revoke"),
    path("<slug:key>/health/", tabs.health, name="experiment-health"),
    path("<slug:key>/explore/", tabs.explore, name="experiment-explore"),
    path("<slug:key>/import/", importing.bring, name="experiment-import"),
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
