"""The node gateway's WSGI application: its own listener, its own URLs, mutual TLS."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
os.environ["CONSORTIUM_SURFACE"] = "gateway"

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
