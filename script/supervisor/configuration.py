"""The environment that the application gets: what is set wins, the rest is made here."""

import base64
import os
import re
import secrets
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import environ

from supervisor import project
from supervisor.failure import Failure

SECRETS_FILE = project.VAR / "local.env"


class _FileEnv(environ.Env):  # type: ignore[misc]  # it has no types
    """Reads a file without changing this process's own environment, as its base does."""

    ENVIRON: ClassVar[dict[str, str]] = {}


def _sealed_bytes() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


# Each is made once per copy of the project; losing VAULT_KEYS loses what it encrypted.
SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(60),
    "VAULT_KEYS": lambda: f"1:{_sealed_bytes()}",
    "DEMO_WEBHOOK_SECRET": lambda: f"whsec_{_sealed_bytes()}",
}


def given() -> dict[str, str]:
    """Return the environment as it was given to us, in local with the project's .env below it."""
    found = {name: value for name, value in os.environ.items() if value}
    file = project.ROOT / ".env"
    if is_local(found) and file.is_file():
        _FileEnv.read_env(file)
        found = {name: value for name, value in _FileEnv.ENVIRON.items() if value} | found
    for name in ("DATABASE_URL", "REDIS_URL"):
        if name not in found and (path := found.get(f"{name}_FILE")):
            try:
                found[name] = Path(path).read_text().strip()
            except OSError as error:
                raise Failure(f"{name}_FILE: {path} cannot be read ({error.strerror}).") from error
    return found


def merged(given_ones: dict[str, str], *made: dict[str, str]) -> dict[str, str]:
    """Return what is made here with what was given on top of it."""
    result: dict[str, str] = {}
    for settings in made:
        result |= settings
    result = {name: value for name, value in result.items() if f"{name}_FILE" not in given_ones}
    return result | given_ones


def is_local(given_ones: dict[str, str]) -> bool:
    """Tell whether the settings of a copy on one's own machine are wanted."""
    return given_ones.get("ENVIRONMENT", "") in ("", "local", "development")


def local(port: int, *, embedded_database: bool) -> dict[str, str]:
    """Return the settings of a copy that is tried or developed on this machine."""
    receiver = receiver_port(port)
    settings = {
        "ENVIRONMENT": "local",
        "PUBLIC_URL": f"http://localhost:{port}",
        # The demo's subscriber listens on this machine, which no other setting reaches.
        "EGRESS_ALLOW_HTTP": "true",
        "EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32",
        "EGRESS_PORTS": f"443,8443,{receiver}",
        "DEMO_WEBHOOK_URL": f"http://127.0.0.1:{receiver}/",
        **facts(),
        **kept_secrets(),
    }
    if embedded_database:
        # Whoever comes first to a copy on their own machine registers and works at once.
        settings |= {"REGISTRATION_POLICY": "open", "REGISTRATION_ROLE": "engineer"}
    return settings


def receiver_port(port: int) -> int:
    """Return where the demo's webhook receiver listens, beside a server on that port."""
    return port + 100 if port <= 65_435 else port - 100


def testing() -> dict[str, str]:
    """Return the settings that tests and checks run with: secrets nobody keeps, no outside."""
    made = {name: make() for name, make in SECRETS.items()}
    return {"ENVIRONMENT": "test", "PUBLIC_URL": "http://localhost:8000", **facts(), **made}


def kept_secrets() -> dict[str, str]:
    """Return this copy's secrets, made when they are missing, readable by its owner only."""
    kept = {}
    if SECRETS_FILE.exists():
        for line in SECRETS_FILE.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals:
                kept[name] = value
    missing = SECRETS.keys() - kept.keys()
    if missing:
        kept |= {name: SECRETS[name]() for name in sorted(missing)}
        # Written beside and renamed: a full disk must not cost the secrets that exist.
        new = SECRETS_FILE.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{name}={value}\n" for name, value in kept.items()))
            file.flush()
            os.fsync(file.fileno())
        new.replace(SECRETS_FILE)
    return kept


def version() -> str:
    """Return the version of this copy."""
    project_file = project.ROOT / "pyproject.toml"
    return str(tomllib.loads(project_file.read_text())["project"]["version"])


def facts() -> dict[str, str]:
    """Return what this copy is: its version and, in a clone, its commit."""
    found = {"VERSION": version()}
    if (project.ROOT / ".git").exists():
        try:
            done = subprocess.run(
                ["git", "rev-parse", "HEAD"],
                cwd=project.ROOT,
                capture_output=True,
                text=True,
                timeout=5,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return found
        if done.returncode == 0:
            found["GIT_COMMIT_SHA"] = done.stdout.strip()
    return found


def require_reachable(environment: dict[str, str]) -> None:
    """Refuse servers that were given by URL and do not answer, without repeating their secrets."""
    if address := environment.get("DATABASE_URL"):
        _require_postgres(address)
    if address := environment.get("REDIS_URL"):
        _require_redis(address)


def _require_postgres(address: str) -> None:
    import psycopg  # noqa: PLC0415  # a tenth of a second that the embedded way saves

    # django-environ's form of a socket's directory, user@//directory/name, in libpq's words.
    libpq_form = re.sub(r"^(\w+://[^/]*)//([^?]+)/([^/?]+)", r"\1/\3?host=/\2", address)
    try:
        psycopg.connect(libpq_form, connect_timeout=5).close()
    except psycopg.Error as error:
        # libpq repeats the host and the user, never the password; of a URL it cannot read, all.
        said = str(error).strip().splitlines()
        reason = said[0] if isinstance(error, psycopg.OperationalError) else "it is not a URL"
        raise Failure(
            f"DATABASE_URL: PostgreSQL does not let us in ({reason}). "
            "Mend it, or unset DATABASE_URL to use the embedded server.",
        ) from error


def _require_redis(address: str) -> None:
    import redis  # noqa: PLC0415

    try:
        with redis.from_url(address, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except ValueError as error:  # it may repeat a part of the password
        raise Failure("REDIS_URL: it is no redis://, rediss:// or unix:// URL.") from error
    except (redis.RedisError, OSError) as error:
        raise Failure(
            f"REDIS_URL: Redis does not answer ({error}). "
            "Mend it, or unset REDIS_URL to use the embedded server.",
        ) from error
