"""The Django project and the alliance itself."""

from consortium.celery import app as celery_app

__all__ = ["celery_app"]
