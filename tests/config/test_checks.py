import pytest
from django.core.checks import Error, run_checks

from config.checks import rules_hold, warnings_heeded


def test_the_settings_of_tests_hold() -> None:
    assert rules_hold(None) == []


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("API_V1_PREFIX", "api", "noc.E006"),
        ("IMPORT_MAX_ROWS", 0, "noc.E014"),
        ("AUTH_COOKIE_REFRESH_NAME", "noc_access_token", "noc.E016"),
        ("ADMIN_PATH", "admin", "noc.E020"),
        ("VAULT_KEYS", "", "noc.E022"),
        ("PAYMENT_ASSET_ISSUER", "GABC", "noc.E025"),
    ],
)
def test_what_a_settings_module_changed_afterwards_is_judged_too(
    name: str, value: object, rule: str, settings
) -> None:
    setattr(settings, name, value)
    (fault,) = rules_hold(None)
    assert isinstance(fault, Error)
    assert fault.id == rule
    assert fault.msg.startswith(f"{name}: ")
    assert fault.hint
    assert fault in run_checks(tags=["noc"])


def test_production_is_judged_by_productions_rules(settings) -> None:
    settings.ENVIRONMENT, settings.SECRET_KEY = "production", "s3cret"
    ids = {fault.id for fault in rules_hold(None)}
    assert {"noc.E004", "noc.E024"} <= ids
    assert not any("s3cret" in fault.msg for fault in rules_hold(None))


def test_the_usual_admin_path_is_a_warning_in_production(settings) -> None:
    settings.ENVIRONMENT, settings.ADMIN_PATH = "production", "admin/"
    assert [fault.id for fault in warnings_heeded(None)] == ["noc.W001"]


def test_a_foreign_issuer_is_a_warning_on_mainnet(settings) -> None:
    settings.STELLAR_NETWORK = "mainnet"
    assert [fault.id for fault in warnings_heeded(None)] == ["noc.W002"]
