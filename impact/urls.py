from django.urls import path

from impact.pages import studies, views

urlpatterns = [
    path("", views.price_tag, name="impact"),
    path("studies/", views.studies, name="impact-studies"),
    path("ablations/", studies.listed, name="ablations"),
    path("ablations/new/", studies.propose, name="ablation-new"),
    path("ablations/planner/", studies.planner, name="ablation-planner"),
    path("ablations/<slug:key>/", studies.study, name="ablation"),
    path("ablations/<slug:key>/approve/", studies.approve, name="ablation-approve"),
    path("ablations/<slug:key>/start/", studies.start, name="ablation-start"),
    path("ablations/<slug:key>/end/", studies.end, name="ablation-end"),
    path("ablations/<slug:key>/withdraw/", studies.withdraw, name="ablation-withdraw"),
    path("evidence/", views.evidence, name="impact-evidence"),
    path("evidence/<int:id>/", views.finding, name="impact-finding"),
    path("evidence/<int:id>/accept/", views.judge, {"step": "accept"}, name="impact-accept"),
    path("evidence/<int:id>/reject/", views.judge, {"step": "reject"}, name="impact-reject"),
    path("surfaces/<slug:key>/", views.surface, name="impact-surface"),
    path("surfaces/<slug:key>/value/", views.value, name="impact-value"),
    path("surfaces/<slug:key>/enter/", views.enter, name="impact-enter"),
    path("surfaces/<slug:key>/history/", views.mine, name="impact-mine"),
    path("surfaces/<slug:key>/draft/", views.draft, name="impact-draft"),
    path("surfaces/<slug:key>/ratios/<int:number>/publish/", views.publish, name="impact-publish"),
    path("surfaces/<slug:key>/ratios/<int:number>/discard/", views.discard, name="impact-discard"),
    path("surfaces/<slug:key>/one-pager/", views.one_pager, name="impact-one-pager"),
    path("surfaces/<slug:key>/one-pager.pdf", views.one_pager_pdf, name="impact-one-pager-pdf"),
]
