from django.urls import path

from metrics.api import views

urlpatterns = [
    path("metrics", views.MetricList.as_view(), name="api-metrics"),
    path("metrics/<slug:key>", views.MetricDetail.as_view(), name="api-metric"),
    path("metrics/<slug:key>/versions", views.VersionList.as_view(), name="api-metric-versions"),
    path(
        "metrics/<slug:key>/versions/<int:number>", views.VersionDetail.as_view(), name="api-metric-version"
    ),
]
