"""The rules of `config.rules` as system checks, judged on the settings that Django really has."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from config import env, rules
from config.variables import VARIABLES


def _in_force() -> dict[str, Any]:
    """What was read, and over it whatever a settings module or a test changed since."""
    read = settings.CONFIGURATION.values
    return {name: getattr(settings, name, value) for name, value in read.items()}


@register("noc")
def rules_hold(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [
        Error(f"{fault.name}: {fault.wrong} Rule: {fault.rule}", hint=fault.hint, id=fault.id)
        for fault in env.judge(VARIABLES, _in_force())
    ]


@register("noc", deploy=True)
def warnings_heeded(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    values = _in_force()
    found: list[CheckMessage] = []
    for name, rule in rules.WARNINGS.items():
        wrong = rule.judge(values[name], values)
        if wrong:
            found.append(Warning(f"{name}: {wrong} Rule: {rule.says}", hint=rule.hint, id=rule.id))
    return found
