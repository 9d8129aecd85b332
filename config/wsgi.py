"""The web process: `gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from config import process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.declare(process.WEB)
application = get_wsgi_application()

from config import health  # noqa: E402 - it needs the models

health.drain_on_sigterm()
