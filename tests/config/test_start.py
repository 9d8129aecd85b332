"""Every kind of process refuses a wrong configuration: all faults, no secret, exit code 1."""

import os
import subprocess
import sys

import pytest

from config.variables import ROOT
from tests.config.values import PRODUCTION

KINDS = {
    "command": ["manage.py", "check"],
    "worker": ["-m", "celery", "-A", "config", "worker"],
    "beat": ["-m", "celery", "-A", "config", "beat"],
    "web": ["-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0"],
    "stream": ["-m", "uvicorn", "config.asgi:application", "--port", "0"],
}


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_every_fault_and_exits_1(kind: str) -> None:
    wrong = {"SECRET_KEY": "s3cret", "DEBUG": "true", "VAULT_KEYS": "1:s3cret"}
    done = start(*KINDS[kind], **(PRODUCTION | wrong))
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0] == "NOC IQ does not start: 3 settings are wrong."
    assert [line.split(":")[0] for line in said[1:]] == [
        "noc.E004 SECRET_KEY",
        "noc.E005 DEBUG",
        "noc.E022 VAULT_KEYS",
    ]
    assert all(" Rule: " in line and " Fix: " in line for line in said[1:])
    assert "s3cret" not in done.stdout + done.stderr


def test_production_values_pass_the_deployment_checks() -> None:
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_show_settings_names_sources_and_masks_secrets() -> None:
    done = start("manage.py", "show_settings", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["PUBLIC_URL"] == ["environment", "https://noc.example.com"]
    assert rows["ACCESS_TOKEN_EXPIRE_MINUTES"] == ["default", "15"]
    assert rows["SECRET_KEY"] == ["environment", "********"]
    assert rows["DATABASE_URL"] == ["environment", "postgres://********@db.example.com:5432/nociq"]
    assert "s3cret" not in done.stdout
