"""A project of one app and no middleware, on the database of the product."""

import os

from config.readers import database

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.bare.urls"
INSTALLED_APPS = ["bench.bare"]
MIDDLEWARE: list[str] = []
USE_I18N = False
USE_TZ = True
# The product's own way of keeping connections, or the difference would be measured as well.
DATABASES = {
    "default": {
        **database(os.environ["DATABASE_URL"]),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STREAM_SOCKET = ""  # config.server asks: there are no streams here
