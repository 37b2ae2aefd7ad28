"""Settings, read from top to bottom; who signs in, how money comes in online, and what works
in the background have files.

Everything that differs between machines comes from the environment (config/environment.py). Only
DATABASE_URL and REDIS_URL have to be set; the other defaults are for development.
`DJANGO_ENV=production` turns the defaults off and refuses to start with weak or missing secrets.
"""

from pathlib import Path
from urllib.parse import unquote

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config.background import *  # noqa: F403
from config.environment import BASE_DIR, PRODUCTION, REDIS_URL, env, refuse_simulator, secret
from config.paying import *  # noqa: F403
from config.sign_in import *  # noqa: F403

# --- Django ---------------------------------------------------------------------------------

SECRET_KEY = secret("SECRET_KEY", development="development-only-key-never-used-in-production")
# Encrypts what must not lie readable in the database: one-time codes, bank accounts.
FIELD_ENCRYPTION_KEYS = [
    key
    for key in secret(
        "FIELD_ENCRYPTION_KEYS", development="ZGV2ZWxvcG1lbnQtb25seS1maWVsZC1rZXktMDAwMDE="
    ).split(",")
    if key
]
DEBUG = env.bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG must be off in production")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts that the site is reached by")
# The address that notices, receipts and payment callbacks carry.
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
refuse_simulator("SITE_URL", SITE_URL)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",  # our templates for forms and widgets lie in templates/django/forms
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_include_bootstrap",
    "lucide",
    "pgtrigger",
    "core",
    "community",
    "billing",
    "payments",
    "servicedesk",
    "notices",
    "portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.PlainAddressMiddleware",
    "core.middleware.CallbacksMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "core.middleware.PrivatePagesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.FormAddressMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "portal.context_processors.navigation",
            ],
            "builtins": ["core.templatetags.portal"],
        },
    }
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Data -----------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres:///portal")}
# libpq writes a socket directory as a percent-encoded host: postgres://user@%2Frun%2Fpg/portal
DATABASES["default"]["HOST"] = unquote(DATABASES["default"].get("HOST") or "")
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
MEDIA_ROOT = Path(env("MEDIA_ROOT", default=str(BASE_DIR / "media")))
# Where `manage.py build_fonts` puts the small font that papers are set in.
PDF_FONT_DIR = env("PDF_FONT_DIR", default=str(BASE_DIR / ".local" / "fonts"))

# --- Language and time ----------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = CELERY_TIMEZONE = "Asia/Shanghai"
USE_TZ = True

# --- Security -------------------------------------------------------------------------------

# No inline script or style anywhere; Bootstrap draws a few icons from data: images.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Mail -----------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="smtp://127.0.0.1:8025")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="portal@localhost")
refuse_simulator("EMAIL_URL", EMAIL_CONFIG["EMAIL_HOST"] or "")

# --- SMS and other channels of notices ------------------------------------------------------

NOTICE_CHANNELS = {
    "sms": "notices.channels.sms_aliyun.AliyunSms",
    "email": "notices.channels.email.Email",
}
ALIYUN_SMS_ENDPOINT = env(
    "ALIYUN_SMS_ENDPOINT", default="dysmsapi.aliyuncs.com" if PRODUCTION else "127.0.0.1:9102"
)
refuse_simulator("ALIYUN_SMS_ENDPOINT", ALIYUN_SMS_ENDPOINT)
ALIYUN_SMS_PROTOCOL = env("ALIYUN_SMS_PROTOCOL", default="https" if PRODUCTION else "http")
ALIYUN_SMS_ACCESS_KEY_ID = env("ALIYUN_SMS_ACCESS_KEY_ID", default="")
ALIYUN_SMS_ACCESS_KEY_SECRET = env("ALIYUN_SMS_ACCESS_KEY_SECRET", default="")
ALIYUN_SMS_SIGN_NAME = env("ALIYUN_SMS_SIGN_NAME", default="" if PRODUCTION else "物业缴费")
# The provider approves each text and gives it a code; these are the simulator's.
SMS_TEMPLATES = {
    name: env(f"SMS_TEMPLATE_{name.upper()}", default="" if PRODUCTION else code)
    for name, code in {
        "sign_in_code": "SMS_300000001",
        "fee": "SMS_300000002",
        "receipt": "SMS_300000003",
        "staff_alert": "SMS_300000004",
        "ticket_reply": "SMS_300000005",
        "fee_settled": "SMS_300000006",
        "binding": "SMS_300000007",
        "payment_alert": "SMS_300000008",
        "run_due": "SMS_300000009",
        "paid_twice": "SMS_300000010",
        "refund": "SMS_300000011",
        "refund_failed": "SMS_300000012",
        "money_found": "SMS_300000013",
        "message_alert": "SMS_300000014",
        "refund_refused": "SMS_300000015",
        "refund_delayed": "SMS_300000016",
    }.items()
}
# The provider's delivery reports carry no signature: whoever knows this address is believed.
SMS_REPORT_TOKEN = secret("SMS_REPORT_TOKEN", development="development-only-sms-report-token")

# --- Logging --------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "core.logs.LineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        # They tell every step of every page and font.
        **{name: {"level": "WARNING"} for name in ("fontTools", "weasyprint")},
        # At DEBUG it writes each URL, and an SMS's URL holds the one-time code.
        "urllib3": {"level": "INFO"},
    },
}
