"""Settings, read from top to bottom.

Everything that differs between machines comes from the environment (or a `.env` file beside
manage.py). Only DATABASE_URL and REDIS_URL have to be set; the other defaults are for development.
`DJANGO_ENV=production` turns the defaults off and refuses to start with weak or missing secrets.
"""

import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config.merchants import merchant_accounts

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

ENVIRONMENT = env("DJANGO_ENV", default="development")
PRODUCTION = ENVIRONMENT == "production"
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured(f"DJANGO_ENV is {ENVIRONMENT!r}: use development or production")


def secret(name: str, *, development: str, least: int = 32) -> str:
    """A secret from the environment; in production it must be set, long and not the known one."""
    value = env(name, default="" if PRODUCTION else development)
    if PRODUCTION and (len(value) < least or value == development):
        raise ImproperlyConfigured(f"{name} must be set to at least {least} random characters")
    return value


def refuse_simulator(name: str, address: str) -> None:
    """In production, real money and real messages never go to a stand-in on this machine."""
    host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    if PRODUCTION and (host in {"", "localhost", "::1", "0.0.0.0"} or host.startswith("127.")):
        raise ImproperlyConfigured(f"{name} must name the real service, not {address!r}")


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
# The address that notices, receipts and payment callbacks carry.
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
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


def celery_redis(url: str) -> str:
    """A Redis URL in Celery's spelling.

    unix:///socket?db=3 is redis+socket:///socket?virtual_host=3 there; with `db` its broker would
    take database 0 without a word, and hand its tasks to whoever else works there.
    """
    if not url.startswith("unix://"):
        return url
    return re.sub(r"([?&])db=", r"\1virtual_host=", url.replace("unix://", "redis+socket://", 1))


# redis://host/0 or unix:///path/to/socket?db=0
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_REDIS_URL = celery_redis(REDIS_URL)
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
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# --- Who signs in, and how ------------------------------------------------------------------

AUTH_USER_MODEL = "community.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
# The password door; residents come by phone and one-time code (community/services/sign_in.py).
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "community.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "community.forms.PasswordForm"}
# Staff share the computer at the counter: their sign-in ends with the browser.
ACCOUNT_SESSION_REMEMBER = False
MFA_ADAPTER = "community.account_adapter.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Property fee portal"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
# amount/time/per: how many codes go to a phone ("key") and to whoever sits behind one address, and
# how often somebody may try one. Behind one address there may be a whole community's network.
ACCOUNT_RATE_LIMITS = {
    "sign_in_code": env(
        "SIGN_IN_CODE_RATE",
        default="1/m/key,5/h/key,10/d/key,30/10m/ip" if PRODUCTION else "10/m/key,300/10m/ip",
    ),
    "sign_in_try": "60/10m/ip",
    "claim_unit": "10/h/user",
}
# How many proxies of ours stand in front and write X-Forwarded-For; 0: nobody's word is taken.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

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

# --- Background work ------------------------------------------------------------------------

CELERY_BROKER_URL = CELERY_REDIS_URL
CELERY_RESULT_BACKEND = CELERY_REDIS_URL
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Long enough for the longest task: a task that outlives it is handed out a second time.
# max_retries: a page that rings for a worker must not wait 6 s for a broker that is down; the row
# is found by the next beat. A worker goes on trying to connect all the same.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "max_retries": 0,
    "socket_connect_timeout": 2,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": 300}
CELERY_VISIBILITY_TIMEOUT = 300
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    # A scan that waited longer than its own interval is of no use any more.
    "community: take up jobs that were left lying": {
        "task": "community.tasks.sweep_jobs",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    # One for each, so that a slow provider of one kind keeps the others from nothing.
    "payments: look after callbacks that no doorbell woke": {
        "task": "payments.tasks.sweep_events",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: look after orders that hang": {
        "task": "payments.tasks.sweep_orders",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: look after refunds that hang": {
        "task": "payments.tasks.sweep_refunds",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: compare yesterday with the channels' bills": {
        "task": "payments.tasks.reconcile_days",
        "schedule": crontab(minute="7,37", hour="10-20"),
        "options": {"expires": 1700},
    },
    "billing: plan periods and remind staff of them": {
        "task": "billing.tasks.plan_periods",
        "schedule": crontab(minute="*/10", hour="8-20"),
        "options": {"expires": 590},
    },
    "servicedesk: mark clocks that ran out": {
        "task": "servicedesk.tasks.scan_clocks",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "notices: send what is due": {
        "task": "notices.tasks.dispatch",
        "schedule": 5.0,
        "options": {"expires": 5, "priority": 0},
    },
    "notices: put back what got stuck": {
        "task": "notices.tasks.reconcile",
        "schedule": 30.0,
        "options": {"expires": 25, "priority": 0},
    },
}

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
    }.items()
}
# The provider's delivery reports carry no signature: whoever knows this address is believed.
SMS_REPORT_TOKEN = secret("SMS_REPORT_TOKEN", development="development-only-sms-report-token")

# --- Payment providers ----------------------------------------------------------------------

PAYMENT_PROVIDERS = [
    "payments.providers.wechatpay.WeChatPayProvider",
    "payments.providers.alipay.AlipayProvider",
]
# A provider without a merchant account is not offered. `python -m simulators.wechatpay --env` and
# `python -m simulators.alipay --env` print these variables for the simulators. While keys are being
# changed, PUBLIC_KEY_FILE (with PUBLIC_KEY_ID) and APIV3_KEY take two values, the new one first.
# What the contract says that a provider keeps (手续费), for reconciliation: wechatpay=0.006, and
# for one merchant account wechatpay:yunqi=0.002.
PAYMENT_FEE_RATES = {
    name: Decimal(rate)
    for name, rate in {
        "wechatpay": "0.006",
        "alipay": "0.006",
        **env.dict("PAYMENT_FEE_RATES", default={}),
    }.items()
}
WECHATPAY = merchant_accounts(
    env,
    "WECHATPAY",
    {
        "MCHID": "",
        "APPID": "",
        "SERIAL_NO": "",
        "PRIVATE_KEY_FILE": "",
        "APIV3_KEY": "",
        "PUBLIC_KEY_FILE": "",
        "PUBLIC_KEY_ID": "",
        # Of the official account APPID. With it people pay inside WeChat; without, by a code.
        "APP_SECRET": "",
    },
    gateway="https://api.mch.weixin.qq.com",
)
# How a page inside WeChat learns who looks at it: his browser goes to the first address, we to
# the second.
WECHAT_OPEN_URL = env("WECHAT_OPEN_URL", default="https://open.weixin.qq.com").rstrip("/")
WECHAT_API_URL = env("WECHAT_API_URL", default="https://api.weixin.qq.com").rstrip("/")
refuse_simulator("WECHAT_OPEN_URL", WECHAT_OPEN_URL)
refuse_simulator("WECHAT_API_URL", WECHAT_API_URL)
ALIPAY = merchant_accounts(
    env,
    "ALIPAY",
    {"APP_ID": "", "SELLER_ID": "", "PRIVATE_KEY_FILE": "", "PUBLIC_KEY_FILE": ""},
    gateway="https://openapi.alipay.com/gateway.do",
)

# --- Logging --------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        # They tell every step of every page and font.
        **{name: {"level": "WARNING"} for name in ("fontTools", "weasyprint")},
        # At DEBUG it writes each URL, and an SMS's URL holds the one-time code.
        "urllib3": {"level": "INFO"},
    },
}
