from django.urls import path

from impact.api import views

urlpatterns = [
    path("impact", views.Ask.as_view(), name="api-impact"),
    path("impact/ratios", views.Ratios.as_view(), name="api-impact-ratios"),
    path("impact/findings", views.Findings.as_view(), name="api-impact-findings"),
    path("impact/findings/<int:id>/accept", views.Judge.as_view(step="accept"), name="api-impact-accept"),
    path("impact/findings/<int:id>/reject", views.Judge.as_view(step="reject"), name="api-impact-reject"),
    path("impact/surfaces/<slug:surface>/elasticity", views.Curve.as_view(), name="api-impact-curve"),
    path("impact/surfaces/<slug:surface>/ratios", views.Draft.as_view(), name="api-impact-draft"),
    path(
        "impact/surfaces/<slug:surface>/ratios/<int:number>/publish",
        views.Publish.as_view(),
        name="api-impact-publish",
    ),
]
