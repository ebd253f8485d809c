from django.urls import path

from organisation.pages import people, structure

urlpatterns = [
    path("teams/", structure.teams, name="teams"),
    path("teams/<slug:key>/", structure.team, name="team"),
    path("surfaces/", structure.surfaces, name="surfaces"),
    path("surfaces/<slug:key>/", structure.surface, name="surface"),
    path("teams/<slug:key>/archive/", structure.archive, {"kind": "team"}, name="team-archive"),
    path("surfaces/<slug:key>/archive/", structure.archive, {"kind": "surface"}, name="surface-archive"),
    path("people/", people.people, name="people"),
    path("people/<str:name>/", people.person, name="person"),
    path("roles/<int:id>/revoke/", people.revoke, name="role-revoke"),
    path("unowned/", structure.orphans, name="orphans"),
]
