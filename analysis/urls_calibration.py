"""Addresses of nightly A/A splits, below /metrics/."""

from django.urls import path

from analysis.pages import calibration

urlpatterns = [
    path("-/calibration/", calibration.overview, name="calibration"),
    path("<slug:key>/calibration/", calibration.metric, name="metric-calibration"),
]
