from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from jobs import reactions  # noqa: F401, PLC0415 - registers the reactions
