"""Django's settings, all of them from the environment (config/lib/environment.py)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from config.lib.environment import ROOT, environment
from config.lib.log_lines import logging_settings

ENV = environment()

# --- Security ---------------------------------------------------------------------------------------------
SECRET_KEY = ENV.secret_key or "not-set: config.E001 refuses to start"
DEBUG = ENV.debug
ALLOWED_HOSTS = [host.strip() for host in ENV.allowed_hosts.split(",") if host.strip()]
CSRF_TRUSTED_ORIGINS = [ENV.base_url] if ENV.base_url.startswith("https://") else []
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = ENV.is_https
SECURE_HSTS_SECONDS = 31_536_000 if ENV.is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.trusted_proxies else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "headgate_session", "headgate_csrf"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# --- Applications -----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # Without its own app config, which would put unfold's site in the place of ours.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.admin_site.HeadgateAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "guardian",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_cotton",
    "django_celery_beat",
    "accounts",
    "workspaces",
    "observability",
    "routing",
    "config.system",
]
MIDDLEWARE = [
    "config.observed.ObservedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.lib.middleware.FreshScopeMiddleware",
    "accounts.api.limits.ManagementLimitMiddleware",
]
if ENV.is_traced:
    MIDDLEWARE.insert(0, "config.traced_requests.TracedMiddleware")
ROOT_URLCONF = "config.urls.root"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
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
            ],
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------------


def database(url: str) -> dict[str, Any]:
    """Django's description of `postgres://role:password@host:port/name?host=/socket/folder&option=…`."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    socket = options.pop("host", "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": socket or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Parameters travel apart from the statement, so that a failing one never writes a prompt to
        # PostgreSQL's log.
        "OPTIONS": {"server_side_binding": True, **options},
    }


DATABASES = {
    # Closed after each request: under ASGI each has a thread of its own, whose connection nobody would use again.
    "default": database(ENV.database_url) | {"CONN_MAX_AGE": 0},
    "owner": database(ENV.owner_database_url or ENV.database_url) | {"ATOMIC_REQUESTS": False},
}

# --- People -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
GUARDIAN_AUTO_PREFETCH = True
ANONYMOUS_USER_NAME = None
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "account_login", "/", "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Mandatory even where sign-up is closed: an address that nobody proved may not accept an invitation.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL, ACCOUNT_EMAIL_NOTIFICATIONS = True, True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if ENV.is_https else "http"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.sign_up.SignUpForm"}
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.second_factor.CodeForm",
    "reauthenticate": "accounts.second_factor.RepeatedCodeForm",
}
# No other period's code: only then does the time of the last use say whether a code was used.
MFA_TOTP_ISSUER, MFA_TOTP_TOLERANCE = "Headgate", 0

# --- API --------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Headgate",
    "DESCRIPTION": "The management API of a Headgate installation.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "SERVERS": [{"url": "/api/v1"}],
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "POSTPROCESSING_HOOKS": [],
    "PREPROCESSING_HOOKS": ["accounts.api.documentation.without_slash"],
    "APPEND_COMPONENTS": {"securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}}},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.max_body_bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a guardrail at its bounds: four lists of 1,000 and 500 patterns

# --- Background work --------------------------------------------------------------------------------------
CELERY_BROKER_URL = ENV.broker_url or "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "data_folder_in": str(ENV.data_dir / "broker"),
        "data_folder_out": str(ENV.data_dir / "broker"),
        "control_folder": str(ENV.data_dir / "broker-control"),
        "store_processed": False,
    }
    if CELERY_BROKER_URL.startswith("filesystem")
    else {}
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Deliveries have a queue of their own, so that vendors that answer slowly hold up nothing else.
CELERY_TASK_ROUTES = {"broadcast.*": {"queue": "broadcast"}}
# Only what wakes other tasks; chores are jobs, which config/jobs.py lists. A beat that was missed is not made up for:
# the next one sees the same.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "check what is spent": {
        "task": "accounts.tasks.check_spending",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "check dates of models": {
        "task": "accounts.tasks.check_dates",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "deliver notifications": {
        "task": "accounts.tasks.deliver_due",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "broadcast sweep": {"task": "broadcast.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "broadcast classify": {"task": "broadcast.classify", "schedule": 5.0, "options": {"expires": 5}},
}

# --- Admin ------------------------------------------------------------------------------------------------
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Headgate",
    "SITE_HEADER": "Headgate",
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "fence",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"show_search": True, "show_all_applications": False},
    "ACCOUNT": {"navigation": [{"title": "Back to the dashboard", "link": "/"}]},
}

# --- Everything else --------------------------------------------------------------------------------------
USE_TZ, TIME_ZONE, USE_I18N, LANGUAGE_CODE = True, "UTC", False, "en-us"
STATIC_URL, STATIC_ROOT = "static/", ROOT / "static" / "collected"
STATICFILES_DIRS = [ROOT / "static" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MAIL = urlsplit(ENV.email_url)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if MAIL.hostname else 'console'}.EmailBackend"
ANYMAIL: dict[str, str] = {}
if MAIL.scheme == "anymail":  # anymail://mailgun?api_key=…: a service, and django-anymail's settings of it
    EMAIL_BACKEND = f"anymail.backends.{MAIL.hostname}.EmailBackend"
    ANYMAIL = {f"{MAIL.hostname}_{name}".upper(): values[0] for name, values in parse_qs(MAIL.query).items()}
EMAIL_HOST, EMAIL_PORT = MAIL.hostname or "localhost", MAIL.port or (465 if MAIL.scheme == "smtps" else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(MAIL.username or ""), unquote(MAIL.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_TIMEOUT = MAIL.scheme == "smtps", MAIL.scheme == "smtp+tls", 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.email_from
SILENCED_SYSTEM_CHECKS: list[str] = []
SLOW_REQUEST_SECONDS, IS_ACCESS_LOGGED = ENV.slow_request_seconds, ENV.is_access_logged
LOGGING: dict[str, Any] = logging_settings(kind=ENV.log_format, level=ENV.log_level)
