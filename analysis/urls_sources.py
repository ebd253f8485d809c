"""Addresses below /sources/."""

from django.urls import path

from analysis.pages import sources

urlpatterns = [
    path("", sources.listing, name="sources"),
    path("-/new/", sources.edit, name="source-new"),
    path("<slug:key>/", sources.source, name="source"),
    path("<slug:key>/edit/", sources.edit, name="source-edit"),
    path("<slug:key>/test/", sources.test, name="source-test"),
    path("<slug:key>/test/state/", sources.test_state, name="source-test-state"),
]
