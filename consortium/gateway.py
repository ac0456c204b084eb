"""The node gateway's WSGI application: its own listener, its own URLs, mutual TLS."""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
os.environ["CONSORTIUM_SURFACE"] = "gateway"

from django.conf import settings
from django.core.wsgi import get_wsgi_application

_inner = get_wsgi_application()

from governance.permissions.unchanged import Unchanged  # isort: skip # noqa: E402 - Django is set up by now

application = Unchanged(_inner, Path(settings.TUF_DIR) / "metadata" / "timestamp.json")
