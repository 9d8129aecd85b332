"""The composition root. The Celery app is imported so that ``.delay`` finds it in every process."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
