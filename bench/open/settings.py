"""The product's own settings, with the addresses of this folder."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.open.urls"
