"""gunicorn's configuration of the node gateway: ``gunicorn -c python:consortium.gateway_conf``.

Mutual TLS without a proxy. A certificate is asked for, not required, so that who has none, or an expired
one, is told so in words; a certificate of another authority fails in the handshake.

GATEWAY_SOCKET names a Unix socket to listen on instead, for a proxy that does the same and says who the peer
is (deploy/nginx). Whoever can write to it is believed: the directory must be the proxy's and ours alone.
"""

import os
import ssl
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
os.environ["CONSORTIUM_SURFACE"] = "gateway"

from django.conf import settings

wsgi_app = "consortium.gateway:application"
# Nodes are on other machines, but for a developer's.
_host = os.environ.get("GATEWAY_HOST", "127.0.0.1" if settings.DEVELOPMENT else "0.0.0.0")  # noqa: S104
_proxied = os.environ.get("GATEWAY_SOCKET", "")
bind = [f"unix:{_proxied}"] if _proxied else [f"{_host}:{settings.GATEWAY_PORT}"]
umask = 0o007  # the socket is for us and our group
worker_class = "consortium.deadline_worker.DeadlineWorker"  # gthread, but slow peers are cut off
workers = int(os.environ.get("GATEWAY_WORKERS", "1"))
threads = int(os.environ.get("GATEWAY_THREADS", "32"))
timeout = 30
graceful_timeout = 5
keepalive = 20  # deploy/nginx gives its connections up before
if not _proxied:
    certfile = str(settings.KEY_DIR / "gateway.crt")
    keyfile = str(settings.KEY_DIR / "gateway.key")
    ca_certs = str(settings.PKI_DIR / "chain.pem")
    cert_reqs = ssl.CERT_OPTIONAL
limit_request_line = 2048
limit_request_fields = 40
accesslog = None

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: Python has no name for it


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """An expired certificate passes the handshake, to be refused with a reason by the application."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    return context
