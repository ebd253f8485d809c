"""The one settings module; everything that differs between sites comes from config.environment."""

from config import environment

ENV = environment.read()
ROOT = environment.ROOT

SECRET_KEY = ENV.secret_key
DEBUG = ENV.is_debug
ALLOWED_HOSTS = list(ENV.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [ENV.web_url]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "config",
    "ledger",
    "organisation",
    "flags",
    "metrics",
    "experiments",
    "events",
    "analysis",
    "impact",
    "observability",
    "governance",
    "culture",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.StaticFiles",
    "django.middleware.gzip.GZipMiddleware",
    "config.middleware.content_security_policy",
    "config.middleware.storable_addresses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "config.limits.rate_limits",
    "config.permissions.roles",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.errors.domain_errors",
    "config.idempotency.idempotency",
    "config.preconditions.preconditions",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.console.context",
            ],
            "libraries": {"console": "config.console"},
            "builtins": ["config.console"],
        },
    }
]

DATABASES = {"default": environment.django_database(ENV.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# Behind TLS everywhere but on a plain http:// address, which only a laptop has.
IS_TLS = ENV.web_url.startswith("https://")
SESSION_COOKIE_SECURE = IS_TLS
CSRF_COOKIE_SECURE = IS_TLS
# The prefix makes browsers refuse a cookie that a neighbouring host set for us.
SESSION_COOKIE_NAME = "__Host-session" if IS_TLS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_TLS else "csrf"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
SECURE_SSL_REDIRECT = IS_TLS
SECURE_HSTS_SECONDS = 31_536_000 if IS_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_TLS
SECURE_HSTS_PRELOAD = IS_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.middleware.HashedNames"},
}

EMAIL_HOST = ENV.mail.host
EMAIL_PORT = ENV.mail.port
EMAIL_HOST_USER = ENV.mail.user
EMAIL_HOST_PASSWORD = ENV.mail.password
EMAIL_USE_TLS = ENV.mail.is_starttls
EMAIL_USE_SSL = ENV.mail.is_tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENV.mail.sender

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "flags.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.errors.api_exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Headway API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "ExperimentState": "config.openapi.experiment_states",
        "ExperimentVersionState": "experiments.models.VersionState",
        "ExperimentKind": "config.openapi.experiment_kinds",
        "FlagKind": "flags.models.Kind",
        "FlagVersionState": "flags.models.VersionState",
        "DeliveryState": "governance.models.outbound.DeliveryState",
        "ReceiverKind": "config.openapi.receiver_kinds",
    },
}

# Django alone keeps errors to itself outside of debugging; refusals (4xx) are the business of who asked.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django": {"handlers": [], "level": "WARNING"}, "django.request": {"level": "ERROR"}},
}

HEADWAY_EVENT_STORE = ENV.event_store_url
HEADWAY_ENGINE = ENV.engine
HEADWAY_ROLLUPS = ENV.rollups
HEADWAY_REDIS_URL = ENV.redis_url
HEADWAY_API_RATE = ENV.api_rate
HEADWAY_EDGE_URL = ENV.edge_url
HEADWAY_OUTBOUND_ALLOW = ENV.outbound_allow
HEADWAY_SOURCE_ROOTS = ENV.source_roots
HEADWAY_WEB_URL = ENV.web_url
HEADWAY_SINGLE_SIGN_ON = ENV.single_sign_on
