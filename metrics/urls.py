from django.urls import path

from metrics.pages import views

urlpatterns = [
    path("", views.registry, name="metrics"),
    path("new/", views.edit, name="metric-new"),
    path("<slug:key>/", views.metric, name="metric"),
    path("<slug:key>/versions/<int:number>/", views.metric, name="metric-version"),
    path("<slug:key>/edit/", views.edit, name="metric-edit"),
]
