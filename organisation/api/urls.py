from django.urls import path

from organisation.api import views

urlpatterns = [
    path("teams", views.Teams.as_view(), name="api-teams"),
    path("teams/<slug:key>", views.OneTeam.as_view(), name="api-team"),
    path("surfaces", views.Surfaces.as_view(), name="api-surfaces"),
    path("surfaces/<slug:key>", views.OneSurface.as_view(), name="api-surface"),
    path("roles", views.Roles.as_view(), name="api-roles"),
    path("roles/<int:id>", views.OneRole.as_view(), name="api-role"),
]
