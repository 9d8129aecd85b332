from django.conf import settings

from config import reference
from config.env import Unreadable
from config.variables import ROOT, VARIABLES

# They are settings.DATABASES and LISTENING_DATABASE.
CONSUMED_ELSEWHERE = {"DATABASE_URL", "DATABASE_DIRECT_URL", "DATABASE_LISTEN_URL"}


def test_env_example_is_in_step() -> None:
    assert (ROOT / ".env.example").read_text() == reference.env_example()


def test_the_configuration_page_is_in_step() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.configuration_page()


def test_env_example_names_every_setting_once_and_sets_none() -> None:
    lines = [line for line in reference.env_example().splitlines() if line]
    assert all(line.startswith("#") for line in lines)
    named = [line[1:].split("=")[0] for line in lines if line[1] != " "]
    assert named == [variable.name for variable in VARIABLES]


def test_every_setting_of_the_table_is_a_setting_of_django() -> None:
    names = {variable.name for variable in VARIABLES}
    assert {name for name in names if not hasattr(settings, name)} == CONSUMED_ELSEWHERE


def test_every_default_can_be_read() -> None:
    for variable in VARIABLES:
        for text in {variable.default, *variable.defaults.values()} - {None}:
            try:
                variable.read(text)
            except Unreadable as error:
                raise AssertionError(variable.name) from error
