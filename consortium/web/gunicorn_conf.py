"""gunicorn's configuration of the console: ``gunicorn -c python:consortium.web.gunicorn_conf``."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")

wsgi_app = "consortium.wsgi:application"
# Behind a TLS proxy in production; on loopback unless CONSOLE_HOST says otherwise.
bind = [f"{os.environ.get('CONSOLE_HOST', '127.0.0.1')}:{settings.CONSOLE_PORT}"]
worker_class = "consortium.deadline_worker.DeadlineWorker"  # gthread, but slow peers are cut off
workers = int(os.environ.get("CONSOLE_WORKERS", "1"))
threads = int(os.environ.get("CONSOLE_THREADS", "8"))
timeout = 60
graceful_timeout = 5  # a browser that keeps its connection open does not hold up the end
keepalive = 5
accesslog = None
