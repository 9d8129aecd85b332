from django.apps import AppConfig
from django.contrib.admin import apps as admin


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415 - registers itself


class BackOfficeConfig(admin.AdminConfig):
    """The framework's admin, with our own site for everything that registers itself."""

    default = False
    default_site = "config.site.BackOffice"
