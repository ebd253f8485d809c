from django.urls import path

from impact.api import studies, views

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
    path("ablations", studies.Studies.as_view(), name="api-ablations"),
    path("ablations/plan", studies.Plan.as_view(), name="api-ablation-plan"),
    path("ablations/<slug:key>", studies.Study.as_view(), name="api-ablation"),
    path("ablations/<slug:key>/approve", studies.Approve.as_view(), name="api-ablation-approve"),
    path("ablations/<slug:key>/start", studies.Start.as_view(), name="api-ablation-start"),
    path("ablations/<slug:key>/end", studies.End.as_view(), name="api-ablation-end"),
    path("ablations/<slug:key>/withdraw", studies.Withdraw.as_view(), name="api-ablation-withdraw"),
    path("ablations/<slug:key>/estimate", studies.Estimate.as_view(), name="api-ablation-estimate"),
]
