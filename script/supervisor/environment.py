"""Make .venv from the pinned, hashed requirements.

Runs on the system's own Python, so it imports the standard library only.

    environment.py local|dev

The stamp in .venv holds the hash of what was installed, so that a second run costs one comparison.
"""

import configparser
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
LOG = ROOT / "var" / "log" / "install.log"
REQUIREMENTS = ROOT / "requirements"
NEEDED_BYTES = {"local": 600_000_000, "dev": 1_000_000_000}

NO_INDEX = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish a new connection|"
    r"Temporary failure in name resolution|Connection refused|Network is unreachable|"
    r"ConnectTimeoutError|ReadTimeoutError|ProxyError|ConnectionResetError",
)


class Refusal(Exception):
    """One clear sentence for the person at the terminal."""


def wanted(kind: str) -> str:
    """Describe what has to be installed: the requirements' hash and the Python it is for."""
    digest = hashlib.sha256((REQUIREMENTS / f"{kind}.txt").read_bytes()).hexdigest()
    return f"{kind} {digest} {sys.version_info.major}.{sys.version_info.minor}"


def installed() -> list[str]:
    """Read the stamp; nothing when the environment is missing, broken or half made."""
    if not os.access(PYTHON, os.X_OK):
        return []
    try:
        return STAMP.read_text().splitlines()
    except OSError:
        return []


def main(kind: str) -> None:
    if wanted(kind) in installed():
        return
    LOG.parent.mkdir(parents=True, exist_ok=True)
    # Two commands started at once: the second waits here and finds the work done.
    with (ROOT / "var" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted(kind) not in installed():
            install(kind)


def install(kind: str) -> None:
    """Create the environment where it is missing and install the pinned packages into it."""
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES[kind]:
        raise no_space()
    STAMP.unlink(missing_ok=True)
    create()
    requirements = REQUIREMENTS / f"{kind}.txt"
    count = len(re.findall(r"^[a-z0-9].*==", requirements.read_text(), re.MULTILINE))
    print(f"Installing {count} packages into .venv (log: {LOG.relative_to(ROOT)}) ...", flush=True)
    pip("install", "--require-hashes", "-r", str(requirements))
    lines = [wanted(kind)]
    if kind == "dev":
        lines.append(wanted("local"))  # dev.txt holds all of local.txt, at the same versions
    STAMP.write_text("\n".join(lines) + "\n")


def create() -> None:
    """Create .venv, with pip in it whichever way this machine allows."""
    if has_pip() and made_by_this_python():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if logged(sys.executable, "-m", "venv", str(VENV)) and has_pip():
        return
    if "No space left" in LOG.read_text(errors="replace"):
        raise no_space()
    # Debian splits ensurepip off into python3-venv. Without it, and without root: an environment
    # without pip, and pip's own wheel from the configured index.
    shutil.rmtree(VENV, ignore_errors=True)
    if not logged(sys.executable, "-m", "venv", "--without-pip", str(VENV)):
        raise Refusal(
            "Python cannot make a virtual environment here: install the package python3-venv "
            f"(log: {LOG.relative_to(ROOT)}).",
        )
    bring_pip()


def made_by_this_python() -> bool:
    """Tell whether .venv belongs to the Python that runs now; another minor version starts anew."""
    library = VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return library.is_dir()


def has_pip() -> bool:
    return os.access(PYTHON, os.X_OK) and logged(str(PYTHON), "-m", "pip", "--version")


def bring_pip() -> None:
    """Install the pip of requirements/pip.txt into .venv, checked against its hash."""
    pinned = REQUIREMENTS / "pip.txt"
    if logged(sys.executable, "-m", "pip", "--version"):
        # The machine's own pip can serve another environment, but has no business in it.
        program = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
        run_pip(program, "install", "--require-hashes", "-r", str(pinned))
        return
    index = configured_index()
    if index is None:
        raise Refusal(
            "Python on this machine has neither ensurepip nor pip: install the package "
            "python3-venv (Debian: apt-get install python3-venv) and run this again.",
        )
    wheel = VENV / wheel_name(pinned.read_text())
    wheel.write_bytes(download(f"{index.rstrip('/')}/pip/", wheel.name, pinned.read_text()))
    # A wheel is a zip file, and pip runs out of it.
    run_pip([str(PYTHON), f"{wheel}/pip"], "install", "--no-index", str(wheel))
    wheel.unlink()


def wheel_name(pinned: str) -> str:
    """Return the file name of the pip that requirements/pip.txt pins."""
    version = re.search(r"^pip==([^\s\\]+)", pinned, re.MULTILINE)
    assert version  # noqa: S101  # the file is ours
    return f"pip-{version[1]}-py3-none-any.whl"


def download(page: str, name: str, pinned: str) -> bytes:
    """Fetch a file that a page of the package index lists, and check it against the pins."""
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:  # noqa: S310  # pip's own setting
            listing = answer.read().decode()
        link = re.search(rf'href="([^"]*{re.escape(name)}[^"]*)"', listing)
        if link is None:
            raise Refusal(f"The package index does not have {name}: install python3-venv instead.")
        address = urllib.parse.urljoin(page, link[1].replace("&amp;", "&"))
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310
            content: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise no_network() from error
    if f"sha256:{hashlib.sha256(content).hexdigest()}" not in pinned:
        raise Refusal(f"{name} of the package index is not the pinned file: it was not used.")
    return content


def configured_index() -> str | None:
    """Return the package index that pip is configured with, if any."""
    if address := os.environ.get("PIP_INDEX_URL"):
        return address
    home = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    places = [
        os.environ.get("PIP_CONFIG_FILE"),
        home / "pip/pip.conf",
        Path.home() / ".pip/pip.conf",
    ]
    for place in (*places, "/etc/pip.conf"):
        settings = configparser.RawConfigParser()
        try:
            if place and settings.read(place) and settings.has_option("global", "index-url"):
                return settings.get("global", "index-url")
        except configparser.Error:
            continue
    return None


def pip(*arguments: str) -> None:
    run_pip([str(PYTHON), "-m", "pip"], *arguments)


def run_pip(program: list[str], *arguments: str) -> None:
    """Run pip into the log; its failure becomes one sentence."""
    quiet = ["--disable-pip-version-check", "--no-input", "--retries", "3"]
    if logged(*program, *arguments, *quiet):
        return
    said = LOG.read_text(errors="replace")
    if "No space left on device" in said or "Errno 28" in said:
        raise no_space()
    if NO_INDEX.search(said):
        raise no_network()
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()
    raise Refusal(f"pip failed: {errors[-1] if errors else 'no output'} (log: {LOG})")


def logged(*command: str) -> bool:
    """Run a command with its output in the log; tell whether it succeeded."""
    with LOG.open("w") as log:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    return done.returncode == 0


def no_space() -> Refusal:
    return Refusal(f"No space is left on the disk that holds {ROOT}: free 1 GB and run this again.")


def no_network() -> Refusal:
    return Refusal(
        "The package index cannot be reached: the first start downloads the packages, so it needs "
        f"a network (log: {LOG.relative_to(ROOT)}).",
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Refusal as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno != 28:  # ENOSPC
            raise
        sys.exit(str(no_space()))
