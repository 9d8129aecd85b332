"""Django's settings. One file; each difference between environments is a value of the table.

What may be set from outside, with defaults and rules: `config/variables/`.
"""

from datetime import timedelta
from typing import Any

from config import cors, env, logs, process, theme
from config.readers import celery_url, database
from config.variables import ROOT, VARIABLES

CONFIGURATION = env.load_or_exit(VARIABLES, ROOT)
_v = CONFIGURATION.values

BASE_DIR = ROOT

# --- Process -------------------------------------------------------------------------------------
ENVIRONMENT: str = _v["ENVIRONMENT"]
SECRET_KEY: str = _v["SECRET_KEY"]
DEBUG: bool = _v["DEBUG"]
VERSION: str = _v["VERSION"]
GIT_COMMIT_SHA: str = _v["GIT_COMMIT_SHA"]
SHUTDOWN_GRACE_SECONDS: int = _v["SHUTDOWN_GRACE_SECONDS"]
LOG_LEVEL: str = _v["LOG_LEVEL"]
LOG_FORMAT: str = _v["LOG_FORMAT"]
LOGGING = logs.logging_config(LOG_LEVEL, LOG_FORMAT)

_DEPLOYED = ENVIRONMENT in env.DEPLOYED

INSTALLED_APPS = [
    "config",  # first: its templates win over the theme's
    "unfold.apps.BasicAppConfig",  # the site is ours
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "axes",
    "django_celery_beat",
    "core",
    "audit",
    "accounts",
    "webhooks",
    "jobs",
    "network",
    "outages",
    "sla",
    "payments",
]

MIDDLEWARE = [
    "core.middleware.CorrelationMiddleware",
    "core.middleware.SecurityHeadersMiddleware",  # outside of what answers preflights
    "config.csp.PathCspMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # outside of all that refuses, so that 401 carries it
    "core.middleware.PayloadGuardMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.desk.AllowedNetworksMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.api.cookies.CookieMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",  # forms; API views check in their authentication
    "config.desk.BackOfficeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",  # innermost: it answers for a form that was locked
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # every route takes both forms; a redirect would lose the body
API_V1_PREFIX: str = _v["API_V1_PREFIX"]
PUBLIC_URL: str = _v["PUBLIC_URL"].rstrip("/")
DOCS_PUBLIC: bool = _v["DOCS_PUBLIC"]
ADMIN_PATH: str = _v["ADMIN_PATH"]
ADMIN_ALLOWED_NETWORKS = _v["ADMIN_ALLOWED_NETWORKS"]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Stores --------------------------------------------------------------------------------------
_direct = process.kind.direct and _v["DATABASE_DIRECT_URL"]
_database = database(_v["DATABASE_DIRECT_URL"] if _direct else _v["DATABASE_URL"])
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_database,
        # Persistent with health checks measured 4 times a connection per request.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": f"noc-iq {process.kind.name}",
            "options": process.kind.connection_options,
            # For core.statements. A pooler may change the server under a prepared one.
            "prepare_threshold": None if _v["DATABASE_DIRECT_URL"] else 3,
            **_database.get("OPTIONS", {}),
        },
    }
}
LISTENING_DATABASE: dict[str, Any] = database(
    _v["DATABASE_LISTEN_URL"] or _v["DATABASE_DIRECT_URL"] or _v["DATABASE_URL"]
)
DB_POOL_SIZE: int = _v["DB_POOL_SIZE"]
STREAM_LIMIT: int = _v["STREAM_LIMIT"]
STREAM_HEARTBEAT_SECONDS: int = _v["STREAM_HEARTBEAT_SECONDS"]
STREAM_SOCKET: str | None = _v["STREAM_SOCKET"]
DATABASE_ROUTERS = ["config.routers.NoGroupTables"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL: str = _v["REDIS_URL"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "noc",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1, "health_check_interval": 30},
    }
}

CELERY_BROKER_URL = celery_url(_v["CELERY_BROKER_URL"])
CELERY_RESULT_BACKEND = celery_url(_v["CELERY_RESULT_BACKEND"])
CELERY_TASK_ALWAYS_EAGER: bool = _v["CELERY_TASK_ALWAYS_EAGER"]
CELERY_TASK_EAGER_PROPAGATES = True

# --- Time and language ---------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"

# --- Static files: served by the web process, from the apps themselves where nothing is deployed --
STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles" if _DEPLOYED else None
WHITENOISE_USE_FINDERS = not _DEPLOYED
WHITENOISE_AUTOREFRESH = DEBUG
_static = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            _static if _DEPLOYED else "django.contrib.staticfiles.storage.StaticFilesStorage"
        ),
    },
}

# --- Sizes ---------------------------------------------------------------------------------------
MAX_REQUEST_BODY_SIZE_BYTES: int = _v["MAX_REQUEST_BODY_SIZE_BYTES"]
MAX_FILE_UPLOAD_SIZE_BYTES: int = _v["MAX_FILE_UPLOAD_SIZE_BYTES"]
INGEST_MAX_BODY_BYTES: int = _v["INGEST_MAX_BODY_BYTES"]
IMPORT_MAX_BYTES: int = _v["IMPORT_MAX_BYTES"]
IMPORT_MAX_ROWS: int = _v["IMPORT_MAX_ROWS"]
IDEMPOTENCY_KEY_TTL_HOURS: int = _v["IDEMPOTENCY_KEY_TTL_HOURS"]
# The payload guard has counted before Django does; its limits are the only ones.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(MAX_REQUEST_BODY_SIZE_BYTES, INGEST_MAX_BODY_BYTES)

RATE_LIMIT_USER_RPM: int = _v["RATE_LIMIT_USER_RPM"]
RATE_LIMIT_RPM: int = _v["RATE_LIMIT_RPM"]
INGEST_RATE_LIMIT_RPM: int = _v["INGEST_RATE_LIMIT_RPM"]
RATE_LIMIT_ANON_RPM: int = _v["RATE_LIMIT_ANON_RPM"]
RATE_LIMIT_HEAVY_RPM: int = _v["RATE_LIMIT_HEAVY_RPM"]

# --- Who is asking -------------------------------------------------------------------------------
ALLOWED_HOSTS = list(_v["ALLOWED_HOSTS"])
TRUSTED_PROXY_COUNT: int = _v["TRUSTED_PROXY_COUNT"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: it stops those who are locked
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "full_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_BREACH_CHECK: str = _v["PASSWORD_BREACH_CHECK"]
_breach_lists = {"hibp": [{"NAME": "accounts.clients.breaches.NotBreached"}]}
AUTH_PASSWORD_VALIDATORS += _breach_lists.get(PASSWORD_BREACH_CHECK, [])
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())

# The other guards and their numbers stand in accounts.policy.guards.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the default would prolong it
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "accounts.services.guards.Attempts"
AXES_USERNAME_CALLABLE = "accounts.services.guards.username_for_axes"
AXES_CLIENT_IP_CALLABLE = "accounts.services.guards.address_for_axes"
AXES_LOCKOUT_CALLABLE = "config.refusals.locked"
AXES_SENSITIVE_PARAMETERS = ["username", "email", "ip_address", "csrfmiddlewaretoken", "code"]
AXES_DISABLE_ACCESS_LOG = True  # the audit log and the sessions tell who came in
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
MFA_REQUIRED_ROLES = _v["MFA_REQUIRED_ROLES"]
REGISTRATION_POLICY: str = _v["REGISTRATION_POLICY"]
REGISTRATION_ROLE: str = _v["REGISTRATION_ROLE"]
AUTH_RATE_LIMIT_REQUESTS: int = _v["AUTH_RATE_LIMIT_REQUESTS"]
AUTH_RATE_LIMIT_WINDOW_SECONDS: int = _v["AUTH_RATE_LIMIT_WINDOW_SECONDS"]

JWT_SECRET_KEY: str = _v["JWT_SECRET_KEY"]
ACCESS_TOKEN_EXPIRE_MINUTES: int = _v["ACCESS_TOKEN_EXPIRE_MINUTES"]
REFRESH_TOKEN_EXPIRE_DAYS: int = _v["REFRESH_TOKEN_EXPIRE_DAYS"]
REFRESH_GRACE_SECONDS: int = _v["REFRESH_GRACE_SECONDS"]

AUTH_COOKIE_ACCESS_NAME: str = _v["AUTH_COOKIE_ACCESS_NAME"]
AUTH_COOKIE_REFRESH_NAME: str = _v["AUTH_COOKIE_REFRESH_NAME"]
AUTH_COOKIE_SAMESITE: str = _v["AUTH_COOKIE_SAMESITE"]
AUTH_COOKIE_HTTPONLY: bool = _v["AUTH_COOKIE_HTTPONLY"]
AUTH_COOKIE_SECURE = _DEPLOYED

OAUTH_ISSUER_URL: str | None = _v["OAUTH_ISSUER_URL"]
OAUTH_CLIENT_ID: str | None = _v["OAUTH_CLIENT_ID"]
OAUTH_CLIENT_SECRET: str | None = _v["OAUTH_CLIENT_SECRET"]
OAUTH_PROVIDER_ID: str = _v["OAUTH_PROVIDER_ID"]
OAUTH_SCOPES = _v["OAUTH_SCOPES"]
OAUTH_GROUPS_CLAIM: str = _v["OAUTH_GROUPS_CLAIM"]
OAUTH_GRANT_TTL_HOURS: int = _v["OAUTH_GRANT_TTL_HOURS"]
OAUTH_DEFAULT_ROLE: str | None = _v["OAUTH_DEFAULT_ROLE"]
OAUTH_LINK_BY_EMAIL: bool = _v["OAUTH_LINK_BY_EMAIL"]
OAUTH_TRUST_MFA: bool = _v["OAUTH_TRUST_MFA"]
OAUTH_ALLOWED_ALGS = _v["OAUTH_ALLOWED_ALGS"]

SESSION_COOKIE_NAME = "noc_session"
SESSION_COOKIE_SECURE = _DEPLOYED
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())

ALLOWED_ORIGINS = list(_v["ALLOWED_ORIGINS"])
CSRF_COOKIE_NAME = "apex_csrf"
CSRF_HEADER_NAME = "HTTP_X_CSRF_TOKEN"
CSRF_COOKIE_SECURE = _DEPLOYED
CSRF_COOKIE_HTTPONLY = False  # the web client reads it and sends it back as a header
CSRF_COOKIE_AGE = int(timedelta(days=REFRESH_TOKEN_EXPIRE_DAYS).total_seconds())
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS
CSRF_FAILURE_VIEW = "config.refusals.csrf_failed"

CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = cors.SENT
CORS_EXPOSE_HEADERS = cors.READ
CORS_PREFLIGHT_MAX_AGE = 600

# core.middleware sends what every answer carries; a proxy before us ends TLS and redirects to it.
SECURE_REFERRER_POLICY = "no-referrer"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # X-Frame-Options is sent by core.middleware
    "security.W004",  # so is Strict-Transport-Security
    "security.W008",  # the proxy redirects from http
]

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ("accounts.api.authentication.ActorAuthentication",),
    "DEFAULT_PERMISSION_CLASSES": ("accounts.api.authentication.IsKnown",),  # verbs ask for more
    "DEFAULT_PARSER_CLASSES": ("core.rendering.JsonParser",),
    "DEFAULT_RENDERER_CLASSES": ("core.rendering.JsonRenderer",),
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.rendering.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.Schema",
    "EXCEPTION_HANDLER": "core.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "NOC IQ",
    "DESCRIPTION": "Outages, their SLA results, what is owed for them, and who is told.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": API_V1_PREFIX,
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["config.documents.without_slash"],
    "POSTPROCESSING_HOOKS": [],  # words stay where they are used, without invented names
    "SORT_OPERATIONS": True,
}

# --- Domains -------------------------------------------------------------------------------------
VAULT_KEYS: str = _v["VAULT_KEYS"]
EGRESS_ALLOW_HTTP: bool = _v["EGRESS_ALLOW_HTTP"]
EGRESS_PORTS = _v["EGRESS_PORTS"]
EGRESS_ALLOWED_NETWORKS = _v["EGRESS_ALLOWED_NETWORKS"]

WEBHOOK_SECRET_GRACE_HOURS: int = _v["WEBHOOK_SECRET_GRACE_HOURS"]
WEBHOOK_BREAKER_FAIL_THRESHOLD: int = _v["WEBHOOK_BREAKER_FAIL_THRESHOLD"]
WEBHOOK_BREAKER_RESET_SECONDS: int = _v["WEBHOOK_BREAKER_RESET_SECONDS"]
WEBHOOK_DISABLE_AFTER_HOURS: int = _v["WEBHOOK_DISABLE_AFTER_HOURS"]
WEBHOOK_SLOTS: int = _v["WEBHOOK_SLOTS"]
WEBHOOK_RETENTION_DAYS: int = _v["WEBHOOK_RETENTION_DAYS"]

STELLAR_NETWORK: str = _v["STELLAR_NETWORK"]
PAYMENT_ASSET_CODE: str = _v["PAYMENT_ASSET_CODE"]
PAYMENT_ASSET_ISSUER: str = _v["PAYMENT_ASSET_ISSUER"]
PAYMENT_COLLECTION_DUE_DAYS: int = _v["PAYMENT_COLLECTION_DUE_DAYS"]

NOCIQ_ADMIN_EMAIL: str = _v["NOCIQ_ADMIN_EMAIL"]
NOCIQ_ADMIN_PASSWORD: str | None = _v["NOCIQ_ADMIN_PASSWORD"]
NOCIQ_ENGINEER_EMAIL: str = _v["NOCIQ_ENGINEER_EMAIL"]
NOCIQ_ENGINEER_PASSWORD: str | None = _v["NOCIQ_ENGINEER_PASSWORD"]
DEMO_WEBHOOK_URL: str | None = _v["DEMO_WEBHOOK_URL"]
DEMO_WEBHOOK_SECRET: str | None = _v["DEMO_WEBHOOK_SECRET"]

UNFOLD = theme.UNFOLD
