from django.apps import AppConfig
from django.db.backends.signals import connection_created

from core import adapters


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        connection_created.connect(adapters.read_instants)
