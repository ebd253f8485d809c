"""Addresses of the console and the API; what SDKs talk to is in config.edge."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from config import errors, finding, health, home, openapi, reference, single_sign_on
from config.login import login

handler400 = errors.bad_request
handler403 = errors.not_allowed
handler404 = errors.not_found
handler500 = errors.server_error

urlpatterns = [
    path("", home.home, name="home"),
    path("health", health.web, name="health"),
    path("find/", finding.page, name="find"),
    path("find/options", finding.options, name="find-options"),
    path("help/api/", reference.page, name="api-pages"),
    path("login", login, name="login"),
    path("oidc/login", single_sign_on.begin, name="oidc-login"),
    path("oidc/callback", single_sign_on.finish, name="oidc-callback"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("experiments/", include("experiments.urls")),
    path("experiments/", include("analysis.urls")),
    path("shared/", include("analysis.urls_shared")),
    path("flags/", include("flags.urls")),
    path("organisation/", include("organisation.urls")),
    path("metrics/", include("analysis.urls_calibration")),
    path("metrics/", include("metrics.urls")),
    path("sources/", include("analysis.urls_sources")),
    path("events/", include("events.urls")),
    path("impact/", include("impact.urls")),
    path("reviews/", include("governance.urls_audit")),
    path("reviews/", include("governance.urls_incidents")),
    path("reviews/", include("governance.urls")),
    path("watch/", include("observability.urls")),
    path("learn/", include("culture.urls")),
    path("api/v1/", include("flags.api.urls")),
    path("api/v1/", include("organisation.api.urls")),
    path("api/v1/", include("metrics.api.urls")),
    path("api/v1/", include("experiments.api.urls")),
    path("api/v1/", include("events.api.urls")),
    path("api/v1/", include("analysis.api.urls")),
    path("api/v1/", include("impact.api.urls")),
    path("api/v1/", include("governance.api.urls_incidents")),
    path("api/v1/", include("governance.api.urls")),
    path("api/v1/schema", openapi.schema, name="schema"),
]
