import os
from pathlib import Path

import pytest

from config.env import Group, Loaded, Refused, Variable, load, shown
from config.readers import boolean, celery_url, database, listed, text, whole
from config.variables import VARIABLES
from tests.config.values import PRODUCTION, without

ENVIRONMENT = next(variable for variable in VARIABLES if variable.name == "ENVIRONMENT")
TOKEN = Variable(name="TOKEN", read=text, about="A secret.", secret=True)
LEVEL = Variable(name="LEVEL", read=whole, default="3", about="A number.")


def read(texts: dict[str, str], root: Path, *table: Variable) -> Loaded:
    return load((ENVIRONMENT, *table), texts, root)


def faults(texts: dict[str, str], root: Path, *table: Variable) -> list[str]:
    with pytest.raises(Refused) as refused:
        load((ENVIRONMENT, *table), texts, root)
    return [str(fault) for fault in refused.value.faults]


def test_the_process_wins_over_env_file_over_local_file_over_default(tmp_path: Path) -> None:
    assert read({}, tmp_path, LEVEL)["LEVEL"] == 3
    (tmp_path / "var").mkdir()
    (tmp_path / "var/local.env").write_text("LEVEL=4\n")
    assert read({}, tmp_path, LEVEL)["LEVEL"] == 4
    (tmp_path / ".env").write_text("# a comment\nexport LEVEL='5'\n")
    loaded = read({}, tmp_path, LEVEL)
    assert (loaded["LEVEL"], loaded.sources["LEVEL"]) == (5, ".env")
    assert read({"LEVEL": "6"}, tmp_path, LEVEL)["LEVEL"] == 6


@pytest.mark.parametrize("environment", ["test", "staging", "production"])
def test_files_are_not_read_outside_local(environment: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LEVEL=5\n")
    assert read({"ENVIRONMENT": environment}, tmp_path, LEVEL)["LEVEL"] == 3


def test_a_file_may_not_name_another_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ENVIRONMENT=production\n")
    assert faults({}, tmp_path)[0].startswith("noc.E029 ENVIRONMENT: .env names another")


def test_a_line_that_is_no_assignment_is_named_by_its_number_only(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LEVEL=5\nTOKEN s3cret\n")
    (fault,) = faults({}, tmp_path, LEVEL)
    assert "Line 2 is not an assignment" in fault
    assert "s3cret" not in fault


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LEVEL=\xff")
    assert faults({}, tmp_path, LEVEL)[0].startswith("noc.E029 .env: It cannot be read.")


def test_a_file_does_not_leak_into_the_environment_of_the_process(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NOC_LEAK=1\n")
    read({}, tmp_path)
    assert "NOC_LEAK" not in os.environ


def test_a_secret_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    loaded = read({"TOKEN_FILE": str(tmp_path / "token")}, tmp_path, TOKEN)
    assert (loaded["TOKEN"], loaded.sources["TOKEN"]) == ("s3cret", "TOKEN_FILE")


def test_a_value_that_is_no_secret_is_never_a_file(tmp_path: Path) -> None:
    (tmp_path / "level").write_text("9")
    assert read({"LEVEL_FILE": str(tmp_path / "level")}, tmp_path, LEVEL)["LEVEL"] == 3


def test_a_secret_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    (fault,) = faults({"TOKEN": "s3cret", "TOKEN_FILE": "/nowhere"}, tmp_path, TOKEN)
    assert "TOKEN and TOKEN_FILE are both set" in fault
    assert "s3cret" not in fault


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"\xff\xfe"])
def test_a_secret_file_that_gives_nothing_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    (fault,) = faults({"TOKEN_FILE": str(file)}, tmp_path, TOKEN)
    assert fault.startswith("noc.E001 TOKEN: The file that _FILE names")


def test_an_empty_value_counts_as_absent(tmp_path: Path) -> None:
    assert read({"LEVEL": ""}, tmp_path, LEVEL)["LEVEL"] == 3


@pytest.mark.parametrize("word", ["ture", "2", "enabled", "-"])
def test_a_slip_of_the_pen_is_neither_true_nor_false(word: str, tmp_path: Path) -> None:
    flag = Variable(name="FLAG", read=boolean, default="false", about="A switch.")
    (fault,) = faults({"FLAG": word}, tmp_path, flag)
    assert fault == (
        "noc.E001 FLAG: It is neither true nor false. "
        "Rule: A word true or false. Fix: Correct the value."
    )


@pytest.mark.parametrize("number", ["", "1.5", "1e3", "0x10", "1_000", "٣", "9" * 19, "nan"])
def test_only_plain_whole_numbers_are_whole_numbers(number: str, tmp_path: Path) -> None:
    if number:
        assert "It is not a whole number" in faults({"LEVEL": number}, tmp_path, LEVEL)[0]


def test_a_list_is_commas_or_json() -> None:
    assert listed()("a, b,,c") == ("a", "b", "c")
    assert listed()('["a", "b"]') == ("a", "b")
    assert listed(whole)("[443, 8443]") == (443, 8443)
    assert listed()("") == ()


def test_an_unknown_environment_is_one_fault_and_hides_no_other(tmp_path: Path) -> None:
    texts = without("SECRET_KEY") | {"ENVIRONMENT": "prod", "EGRESS_PORTS": "web"}
    with pytest.raises(Refused) as refused:
        load(VARIABLES, texts, tmp_path)
    assert [fault.name for fault in refused.value.faults] == ["ENVIRONMENT", "EGRESS_PORTS"]


def test_unknown_names_are_ignored(tmp_path: Path) -> None:
    assert load(VARIABLES, PRODUCTION | {"NOBODY_KNOWS": "1"}, tmp_path)


def test_development_is_local(tmp_path: Path) -> None:
    assert read({"ENVIRONMENT": "Development"}, tmp_path)["ENVIRONMENT"] == "local"


def test_tests_need_nothing(tmp_path: Path) -> None:
    loaded = load(VARIABLES, {"ENVIRONMENT": "test"}, tmp_path)
    assert set(loaded.values) == {variable.name for variable in VARIABLES}


def test_what_was_read_does_not_show_itself(tmp_path: Path) -> None:
    loaded = load(VARIABLES, PRODUCTION, tmp_path)
    assert "s3cret" not in f"{loaded!r} {loaded}"


def test_of_a_secret_url_only_the_credentials_are_hidden() -> None:
    assert shown(TOKEN, "postgres://u:s3cret@db:5432/n?password=s3cret") == (
        "postgres://********@db:5432/n"
    )
    assert shown(TOKEN, "s3cret") == "********"
    assert shown(TOKEN, "unix:///run/redis.sock?db=1") == "unix:///run/redis.sock"


SOCKET = {"HOST": "/run/Pg", "NAME": "noc", "USER": "app", "PASSWORD": ""}


@pytest.mark.parametrize(
    "url",
    [
        "postgres://app@%2Frun%2FPg/noc",
        "postgres://app@/noc?host=/run/Pg",
        "postgres://app@/noc?host=%2Frun%2FPg",
        "postgres://app@//run/Pg/noc",
    ],
)
def test_a_socket_directory_may_stand_wherever_libpq_and_django_environ_read_it(url: str) -> None:
    assert database(url).items() >= SOCKET.items()


def test_options_of_a_database_url_are_kept() -> None:
    parts = database("postgresql://u:p%40ss@db.example.com/noc?sslmode=verify-full")
    assert parts["OPTIONS"] == {"sslmode": "verify-full"}
    assert parts["PASSWORD"] == "p@ss"


def test_celery_spells_a_socket_its_own_way() -> None:
    assert celery_url("unix:///run/r.sock?db=2") == "redis+socket:///run/r.sock?virtual_host=2"
    assert celery_url("rediss://h:6379/0") == "rediss://h:6379/0"


def test_a_name_stands_in_the_table_once() -> None:
    names = [variable.name for variable in VARIABLES]
    assert sorted(names) == sorted(set(names))
    assert Group("x", VARIABLES).title == "x"
