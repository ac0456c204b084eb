"""Settings, all from the environment; whatever is missing in production fails loudly here.

Two listeners share this file: the console (``consortium.wsgi``) and the node gateway (``consortium.gateway``,
which sets CONSORTIUM_SURFACE=gateway). Neither serves the other's URLs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from consortium.stack import endpoints
from consortium.web.unfold_settings import UNFOLD  # noqa: F401 - read by django-unfold

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / ".data")).resolve()


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def _words(name: str, default: str = "") -> list[str]:
    return [word for word in os.environ.get(name, default).replace(",", " ").split() if word]


def _s3_credentials(path: str | None) -> dict[str, str]:
    """Access key and secret key, a line each."""
    if not path:
        return {}
    lines = Path(path).read_text().split()
    if len(lines) != 2:
        raise ImproperlyConfigured(f"{path}: an access key and a secret key, a line each")
    return {"access_key": lines[0], "secret_key": lines[1]}


def _rule(name: str, default: str) -> dict[str, object]:
    """“1/2 2/3 3”: quorum, approval, categories; as ``VotingRule.rule`` has it."""
    text = os.environ.get(name, default)
    found = re.fullmatch(r"(\d+)/(\d+) (\d+)/(\d+) ([0-6])", text)
    if found is None:
        raise ImproperlyConfigured(
            f"{name} is quorum, approval and categories as in {default!r}, not {text!r}"
        )
    numbers = [int(each) for each in found.groups()]
    return {"quorum": numbers[:2], "approval": numbers[2:4], "categories": numbers[4]}


# --- Where this process stands -------------------------------------------------------------------------
DEVELOPMENT = _flag("CONSORTIUM_DEVELOPMENT", default=False)  # `make run` and the tests set it
SURFACE = os.environ.get("CONSORTIUM_SURFACE", "console")
if SURFACE not in {"console", "gateway"}:
    raise ImproperlyConfigured(f"CONSORTIUM_SURFACE is console or gateway, not {SURFACE!r}")
DEBUG = False  # never: an error page of Django's would show settings and rows


def _required(name: str, development: str) -> str:
    """The variable, which only development may leave out: no default would be right in production."""
    value = os.environ.get(name, "").strip() or (development if DEVELOPMENT else "")
    if not value:
        raise ImproperlyConfigured(f"{name} must be set outside development: see docs/operator.md")
    return value


def _secret(name: str) -> str:
    """What is in the file that the variable names; "" without one."""
    path = os.environ.get(name)
    return Path(path).read_text(encoding="utf-8").strip() if path else ""


def _secret_key() -> str:
    if DEVELOPMENT and not os.environ.get("SECRET_KEY_FILE"):
        return "development-only-" + "0" * 50
    key = Path(_required("SECRET_KEY_FILE", "")).read_text(encoding="ascii").strip()
    if not DEVELOPMENT and len(key) < 50:
        raise ImproperlyConfigured("SECRET_KEY_FILE must name a file with at least 50 random characters")
    return key


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = _required("ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]").replace(",", " ").split()
CONSOLE_PORT = int(os.environ.get("CONSOLE_PORT", "8000"))
GATEWAY_PORT = int(os.environ.get("GATEWAY_PORT", "8443"))
# In CRL and AIA addresses, mails. A certificate carries it for good.
PUBLIC_URL = _required("PUBLIC_URL", f"http://localhost:{CONSOLE_PORT}")
if urlsplit(PUBLIC_URL).scheme not in {"http", "https"} or not urlsplit(PUBLIC_URL).hostname:
    raise ImproperlyConfigured(
        f"PUBLIC_URL is an address such as https://console.example, not {PUBLIC_URL!r}"
    )
CSRF_TRUSTED_ORIGINS = _words("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)

# --- Services ------------------------------------------------------------------------------------------
_services = endpoints.resolve()


def _database(url: str) -> dict[str, object]:
    """postgresql://user:password@host:port/name?host=/socket/dir as Django wants it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/") or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or parts.hostname or "",
        "PORT": str(options.pop("port", None) or parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


DATABASES = {"default": _database(_services.database_url)}
REDIS_URL = _services.redis_url
LEDGER_URL = _services.ledger_url
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},  # a hung Redis holds up no page
    }
}
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Applications --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the default one would put its own admin site in the place of ours
    "unfold.contrib.filters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "consortium.web.apps.ConsoleAdminConfig",  # django.contrib.admin with our site
    "consortium.core",
    "consortium.members",
    "consortium.web.apps.WebConfig",
    "certs",
    "governance.chain",
    "governance.chain.ledgers",
    "governance.proposals",
    "governance.permissions",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]
_MIDDLEWARE_FIRST = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
]
if SURFACE == "gateway":
    # No sign-in, no pages: what is not loaded can't be reached.
    INSTALLED_APPS = [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "consortium.core",
        "consortium.members",
        "certs",
        "governance.chain",
        "governance.permissions",
    ]
    ROOT_URLCONF = "consortium.gateway_urls"
    MIDDLEWARE = [
        "django.middleware.locale.LocaleMiddleware",
        "consortium.core.surface.RefusalMiddleware",
        "governance.permissions.gateway.NodeCertificateMiddleware",
    ]
else:
    ROOT_URLCONF = "consortium.urls"
    MIDDLEWARE = [
        *_MIDDLEWARE_FIRST,
        "consortium.web.middleware.CleanCookiesMiddleware",
        "consortium.web.middleware.PrivatePagesMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "consortium.web.middleware.PlainQueryMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "consortium.web.middleware.ViewerZoneMiddleware",
        "consortium.web.middleware.ConsoleErrorMiddleware",
        "consortium.web.middleware.WriteLimitMiddleware",
    ]
WSGI_APPLICATION = "consortium.wsgi.application"
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
                "consortium.web.context.account",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People --------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "consortium.web.accounts.AccountAdapter"  # nobody signs up by himself
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
EMAIL_BACKEND = os.environ.get(
    "EMAIL_BACKEND",
    "django.core.mail.backends.filebased.EmailBackend"
    if DEVELOPMENT
    else "django.core.mail.backends.smtp.EmailBackend",
)
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_USE_TLS = _flag("EMAIL_USE_TLS", default=False)  # STARTTLS
EMAIL_USE_SSL = _flag("EMAIL_USE_SSL", default=False)
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _secret("EMAIL_HOST_PASSWORD_FILE")
EMAIL_TIMEOUT = 30  # seconds
EMAIL_USE_LOCALTIME = True
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", f"console@{urlsplit(PUBLIC_URL).hostname}")
# The secretariat's shared mailbox; its people's own addresses are in their accounts.
SECRETARIAT_EMAIL = _words("SECRETARIAT_EMAIL")

# --- Languages and time --------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "libraries"]  # ours; words that libraries lack
FORMAT_MODULE_PATH = ["consortium.web.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "Asia/Shanghai")

# --- Static files --------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_AUTOREFRESH = False
if DEVELOPMENT:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

# --- Security ------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEVELOPMENT
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SECURE_SSL_REDIRECT = _flag("SECURE_SSL_REDIRECT", default=not DEVELOPMENT) and SURFACE == "console"
# Relying parties fetch CRLs over plain HTTP, probes and scrapers ask beside the proxy.
SECURE_REDIRECT_EXEMPT = [r"^pki/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEVELOPMENT
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_TLS_PROXY = _flag("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Rate limits count by address: the one that our proxy saw, or, without a proxy, our peer's. What a client
# writes into X-Forwarded-For by itself counts for nothing.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_TLS_PROXY else 0
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "consortium.web.errors.csrf_failure"
# Whoever shows the token in this file may read /metrics; without a file only this machine may.
METRICS_TOKEN_FILE = os.environ.get("METRICS_TOKEN_FILE")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
# django-unfold evaluates Alpine expressions; consortium.web applies this under /admin/ and nowhere else.
ADMIN_CSP_RELAXATION = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- API -----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "consortium.web.api.authentication.SessionAuthentication",
        "consortium.web.api.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "consortium.web.api.pagination.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "consortium.web.errors.api_exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["consortium.web.api.throttling.Throttle"],
    "DEFAULT_THROTTLE_RATES": {"enrolment": "30/min", "ballots": "600/min"},
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Consortium Console",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "LedgerKind": "consortium.web.api.ledger_serializers.KINDS",
        "LedgerHealthState": "consortium.web.api.ledger_serializers.HEALTH",
        "CommitteeProposalState": "consortium.web.api.ledger_serializers.STATES",
        "CommitteeProposalType": "governance.chain.ledgers.models.CommitteeProposal.Type",
        "CommitteeWishState": "consortium.web.api.ledger_serializers.WISH_STATES",
        "CommitteeVoteOutcome": "consortium.web.api.ledger_serializers.OUTCOMES",
        "ProposalState": "governance.proposals.models.State",
        "CertificateState": "consortium.web.api.certificate_serializers.CERTIFICATE_STATES",
        "RenewalState": "consortium.web.api.certificate_serializers.RENEWAL_STATES",
        "EnrolmentState": "consortium.web.api.certificate_serializers.ENROLMENT_STATES",
        "ListState": "consortium.web.api.serializers.LIST_STATES",
        "InstitutionStatus": "consortium.members.states.Status",
        "RequestStatus": "certs.models.CertificateRequest.Status",
        "SeatStatus": "governance.chain.models.Seat.Status",
        "OwnVoteStatus": "consortium.web.api.serializers.VOTE_STATES",
    },
}

# --- Celery: every default that loses or doubles work is changed (see docs/operator.md) -------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TIMEZONE = "UTC"
QUEUES = ("default", "chain", "signing", "push")
PUSH_SHARD = int(os.environ.get("PUSH_SHARD", "500"))  # nodes that a worker takes to tell them together
PUSH_HELPERS = int(os.environ.get("PUSH_HELPERS", "8"))  # workers that one asks at most to take shards, too
PUSH_ATTEMPTS = int(os.environ.get("PUSH_ATTEMPTS", "24"))  # about an hour and a half, then given up
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "run" / "beat-schedule")
# How often the heads of the lists' logs are anchored where they changed, in seconds.
ANCHOR_INTERVAL = float(os.environ.get("ANCHOR_INTERVAL", "60"))
CELERY_BEAT_SCHEDULE = {
    **{
        f"drain {queue}": {
            "task": "core.drain_queue",
            "schedule": 2.0,
            "args": (queue,),
            "options": {"queue": queue, "expires": 10},
        }
        for queue in QUEUES
    },
    "follow the chain": {
        "task": "chain.follow",
        "schedule": 1.0,
        "options": {"queue": "chain", "expires": 5},
    },
    "follow governed ledgers": {
        "task": "ledgers.follow",
        "schedule": 2.0,
        "options": {"queue": "chain", "expires": 10},
    },
    "look after the ledger's nodes": {
        "task": "chain.watch_nodes",
        "schedule": 5.0,
        "options": {"queue": "chain", "expires": 4},
    },
    "look after the nodes of governed ledgers": {
        "task": "ledgers.watch_nodes",
        "schedule": 5.0,
        "options": {"queue": "chain", "expires": 4},
    },
    "keep certificate status fresh": {
        "task": "certs.refresh_status",
        "schedule": 60.0,
        "options": {"queue": "signing", "expires": 50},
    },
    "remind of what runs out": {
        "task": "certs.record_reminders",
        "schedule": 3600.0,
        "options": {"queue": "default", "expires": 3000},
    },
    "finish what issuing left": {
        "task": "certs.sweep_issuing",
        "schedule": 300.0,
        "options": {"queue": "signing", "expires": 290},
    },
    "audit every certificate": {
        "task": "certs.audit_certificates",
        "schedule": crontab(hour="3", minute="20"),
        "options": {"queue": "default", "expires": 3600},
    },
    "keep status answers fresh": {
        "task": "certs.renew_answers",
        "schedule": 300.0,
        "options": {"queue": "signing", "expires": 280},
    },
    "notice lists that time changed": {
        "task": "permissions.recheck_lists",
        "schedule": 60.0,
        "options": {"queue": "default", "expires": 50},
    },
    "keep list signatures fresh": {
        "task": "permissions.renew_signatures",
        "schedule": 60.0,
        "options": {"queue": "signing", "expires": 50},
    },
    "move rollouts on": {
        "task": "permissions.advance_rollouts",
        "schedule": 5.0,
        "options": {"queue": "default", "expires": 4},
    },
    "anchor the lists' logs on the ledger": {
        "task": "permissions.anchor_heads",
        "schedule": ANCHOR_INTERVAL,
        "options": {"queue": "default", "expires": max(1.0, ANCHOR_INTERVAL - 1)},
    },
    "finish removals": {
        "task": "permissions.advance_removals",
        "schedule": 60.0,
        "options": {"queue": "default", "expires": 50},
    },
    "keep permits in step": {
        "task": "permissions.keep_permits",
        "schedule": 60.0,
        "options": {"queue": "signing", "expires": 50},
    },
    "mend the lists' bucket": {
        "task": "permissions.mend_store",
        "schedule": 3600.0,
        "options": {"queue": "signing", "expires": 3600},
    },
    "tell nodes again": {
        "task": "permissions.remind_nodes",
        "schedule": 10.0,
        "options": {"queue": "push", "expires": 8},
    },
    "notice nodes that drift": {
        "task": "permissions.check_drift",
        "schedule": 60.0,
        "options": {"queue": "default", "expires": 50},
    },
}

# --- Keys and published files --------------------------------------------------------------------------
KEY_DIR = Path(
    os.environ.get("KEY_DIR", DATA_DIR / "keys")
)  # sealed keys; only the signing worker opens them
# Set for the signing worker (and ceremonies) alone: without it no process can open a key.
SIGNING_PASSPHRASE_FILE = os.environ.get("SIGNING_PASSPHRASE_FILE")
# Whether pkilint reads every certificate before it is signed; off only to measure what that costs.
LINT_CERTIFICATES = _flag("LINT_CERTIFICATES", default=True)
# Authorities' keys in a device: its PKCS#11 library, and for the signing worker alone the file with its PIN.
PKCS11_MODULE = os.environ.get("PKCS11_MODULE", "")
PKCS11_PIN_FILE = os.environ.get("PKCS11_PIN_FILE")
# Whose SM2 (国密) signs where OpenSSL has several: a property query such as "provider=default"; empty is any.
SM2_PROPERTIES = os.environ.get("SM2_PROPERTIES", "")
# Set for the chain worker alone: the relay account pays for transactions, it holds no vote.
RELAY_PASSPHRASE_FILE = os.environ.get("RELAY_PASSPHRASE_FILE")
TUF_DIR = Path(os.environ.get("TUF_DIR", DATA_DIR / "tuf"))  # metadata/ and targets/, served as plain files
# Set for the signing worker alone, where lists are published to a bucket that speaks S3, too: its name, and
# a file with the access key in its first line and the secret key in its second; else as boto3 finds them.
if _bucket := os.environ.get("LISTS_S3_BUCKET"):
    STORAGES["lists"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "location": os.environ.get("LISTS_S3_PREFIX", ""),
            "endpoint_url": os.environ.get("LISTS_S3_ENDPOINT") or None,
            "region_name": os.environ.get("LISTS_S3_REGION") or None,
            "default_acl": os.environ.get("LISTS_S3_ACL") or None,
            "file_overwrite": True,  # timestamp.json changes in place
            "object_parameters": {"CacheControl": "no-cache"},
            **_s3_credentials(os.environ.get("LISTS_S3_CREDENTIALS_FILE")),
        },
    }
PKI_DIR = Path(os.environ.get("PKI_DIR", DATA_DIR / "pki"))  # published lists, answers, CA certificates
# Set for the signing worker, which makes the status responders' keys, and for the responder itself. Without
# it nothing is prepared for OCSP, and what is asked there is answered with "try later".
OCSP_PASSPHRASE_FILE = os.environ.get("OCSP_PASSPHRASE_FILE")
OCSP_SOCKET = Path(os.environ.get("OCSP_SOCKET", DATA_DIR / "run" / "status.sock"))  # where it listens

# In how many parts a new authority's revocation list comes: relying parties fetch one part alone. Which one
# stands in the certificate, so an authority keeps the number it began with.
CRL_PARTS = int(os.environ.get("CRL_PARTS", "4"))
if not 1 <= CRL_PARTS <= 1000:
    raise ImproperlyConfigured(f"CRL_PARTS is from 1 to 1000, not {CRL_PARTS}")

# How many certificate requests are taken in a window: from one node or account, and from one institution.
CERTIFICATE_REQUEST_WINDOW_HOURS = float(os.environ.get("CERTIFICATE_REQUEST_WINDOW_HOURS", "24"))
CERTIFICATE_REQUESTS_PER_SUBJECT = int(os.environ.get("CERTIFICATE_REQUESTS_PER_SUBJECT", "10"))
CERTIFICATE_REQUESTS_PER_INSTITUTION = int(os.environ.get("CERTIFICATE_REQUESTS_PER_INSTITUTION", "500"))

# --- Alliance defaults ---------------------------------------------------------------------------------
LEDGER_LOG_RANGE = int(
    os.environ.get("LEDGER_LOG_RANGE", "10")
)  # blocks per eth_getLogs; FISCO BCOS covers 10
LEDGER_TIMEOUT = float(os.environ.get("LEDGER_TIMEOUT", "10"))  # seconds, for a whole answer
# Blocks that one of several ledger nodes may be behind the others, or behind what it showed before.
LEDGER_HEAD_TOLERANCE = int(os.environ.get("LEDGER_HEAD_TOLERANCE", "20"))
# Seconds that a transaction may wait for a block before the relay looks whether its fee has become too low.
RELAY_PATIENCE = float(os.environ.get("RELAY_PATIENCE", "60"))
# Transactions that are signed together, and sent in one request where the node takes batches.
RELAY_BATCH = int(os.environ.get("RELAY_BATCH", "100"))
VOTING_DELAY = int(os.environ.get("VOTING_DELAY", "0"))  # seconds
VOTING_PERIOD = int(os.environ.get("VOTING_PERIOD", "300" if DEVELOPMENT else str(7 * 24 * 3600)))  # seconds
# Seconds that a vote stays open at least once its quorum is reached.
LATE_QUORUM_EXTENSION = int(os.environ.get("LATE_QUORUM_EXTENSION", "0" if DEVELOPMENT else str(24 * 3600)))
# Seconds between queueing what has passed and the earliest moment of its execution.
TIMELOCK_DELAY = int(os.environ.get("TIMELOCK_DELAY", "1" if DEVELOPMENT else str(2 * 24 * 3600)))
# What a kind of proposal needs: quorum, share of the votes for and against, categories with a majority.
VOTING_RULES = {
    "routine": _rule("RULE_ROUTINE", "1/3 1/2 0"),
    "membership": _rule("RULE_MEMBERSHIP", "1/2 2/3 3"),
    "constitutional": _rule("RULE_CONSTITUTIONAL", "2/3 3/4 4"),
}
# Who may break the glass: addresses, separated by commas, and how many of them must agree.
GUARDIANS = _words("GUARDIANS")
GUARDIAN_THRESHOLD = int(os.environ.get("GUARDIAN_THRESHOLD", "2"))
# When a node is said to drift: how far off its clock may be, how long it may neither pull nor report, how
# near its certificate's end may come without a next one; and the oldest versions that are put up with.
DRIFT_CLOCK_SECONDS = float(os.environ.get("DRIFT_CLOCK_SECONDS", "60"))
DRIFT_SILENCE_SECONDS = float(os.environ.get("DRIFT_SILENCE_SECONDS", "900"))
DRIFT_CERTIFICATE_DAYS = float(os.environ.get("DRIFT_CERTIFICATE_DAYS", "14"))
# An agent of 1.0 heeds no stages, checks no log, and reports each list once: behind nginx it is silent.
OLDEST_AGENT = os.environ.get("OLDEST_AGENT", "1.1")
OLDEST_NODES = dict(word.split("=", 1) for word in _words("OLDEST_NODES"))  # besu=25.1,fisco-bcos=3.4
# Seconds after which an EST client may ask again for a certificate that waits for approval.
EST_RETRY_AFTER = int(os.environ.get("EST_RETRY_AFTER", "60"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "celery": {"level": "WARNING"},  # a line for each of beat's tasks would hide what matters
        "web3": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
