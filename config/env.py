"""Settings from the environment: typed, explained, all faults named at once, no secret ever shown.

`config.variables` is the table; this module reads it. Sources, first match wins: the process
environment, then (in ENVIRONMENT=local only) ``.env`` and ``var/local.env``, then the default.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import environ

ENVIRONMENTS = ("local", "test", "staging", "production")
DEPLOYED = frozenset({"staging", "production"})
FILES = (".env", "var/local.env")
MASK = "********"

_LOCAL = ("", "local", "development")
_ASSIGNMENT = re.compile(r"(?:export )?[A-Za-z_0-9]+=.*")

Values = Mapping[str, Any]


class Unreadable(ValueError):
    """Why a text is not a value. The words never repeat a text that may be secret."""


@dataclass(frozen=True)
class Rule:
    """One thing that must hold. ``judge`` says what is wrong, or None; it may ask other values."""

    id: str
    says: str
    hint: str
    judge: Callable[[Any, Values], str | None]


@dataclass(frozen=True)
class Reader:
    """From text to a value. ``kind`` says in words what it takes. Raises: Unreadable."""

    kind: str
    read: Callable[[str], Any]

    def __call__(self, given: str) -> Any:
        return self.read(given)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One setting: how it is read, what it is by default, what must hold, and what it is for."""

    name: str
    read: Reader
    about: str
    default: str | None = None  # as it would be written in the environment
    defaults: Mapping[str, str | None] = field(default_factory=dict)  # where an environment differs
    derive: Callable[[Values], Any] | None = None
    derived: str = ""  # in words, for the documents
    required: frozenset[str] = frozenset()  # environments that refuse to start without it
    hint: str = ""  # the fix when it is absent
    secret: bool = False
    empty_is_unset: bool = True
    rules: Sequence[Rule] = ()

    def default_in(self, environment: str) -> str | None:
        return self.defaults.get(environment, self.default)


@dataclass(frozen=True)
class Group:
    """Variables that belong together in the documents."""

    title: str
    variables: Sequence[Variable]


@dataclass(frozen=True)
class Fault:
    """One reason not to start."""

    id: str
    name: str
    wrong: str
    rule: str
    hint: str

    def __str__(self) -> str:
        return f"{self.id} {self.name}: {self.wrong} Rule: {self.rule} Fix: {self.hint}"


class Refused(Exception):
    """The configuration is wrong; ``faults`` are all reasons."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, repr=False)
class Loaded:
    """What was read, and where each value came from. Has no ``repr`` of its values on purpose."""

    values: Values
    sources: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class _NotRead(Exception):
    """A rule asked for a value that could not be read; that fault is already named."""


class _Present(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise _NotRead(name)


@dataclass(frozen=True)
class _Layer:
    name: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class _Found:
    text: str
    source: str


def load(table: Iterable[Variable], texts: Mapping[str, str], root: Path) -> Loaded:
    """Read every variable of the table. Raises: Refused, with all faults at once."""
    faults: list[Fault] = []
    table = tuple(table)
    layers = _layers(texts, root, faults)
    environment_variable = next(v for v in table if v.name == "ENVIRONMENT")
    values: dict[str, Any] = _Present()
    sources: dict[str, str] = {}
    _take(environment_variable, "local", layers, values, sources, faults)
    # With a word that nobody knows, the strictest defaults; what they lack is then not a fault.
    environment = values.get("ENVIRONMENT", "production")
    known = "ENVIRONMENT" in values
    for variable in table:
        if variable is not environment_variable:
            _take(variable, environment, layers, values, sources, faults, required=known)
    faults.extend(judge(table, values))
    if faults:
        order = [variable.name for variable in table]
        raise Refused(sorted(faults, key=lambda f: order.index(f.name) if f.name in order else -1))
    return Loaded(dict(values), sources)


def judge(table: Iterable[Variable], values: Values) -> list[Fault]:
    """Every rule that these values break."""
    present = _Present(values)
    faults = []
    for variable in table:
        if variable.name not in present:
            continue
        for rule in variable.rules:
            try:
                wrong = rule.judge(present[variable.name], present)
            except _NotRead:
                continue
            if wrong:
                faults.append(Fault(rule.id, variable.name, wrong, rule.says, rule.hint))
    return faults


def load_or_exit(table: Iterable[Variable], root: Path) -> Loaded:
    """Read the process environment; print every fault on a line of its own and exit 1."""
    try:
        return load(table, os.environ, root)
    except Refused as refused:
        number = len(refused.faults)
        sys.stderr.write(
            f"NOC IQ does not start: {number} setting{'s are' if number > 1 else ' is'} wrong.\n"
            f"{refused}\n"
        )
        raise SystemExit(1) from None


def _layers(texts: Mapping[str, str], root: Path, faults: list[Fault]) -> list[_Layer]:
    layers = [_Layer("environment", texts)]
    if texts.get("ENVIRONMENT", "").strip().lower() not in _LOCAL:
        return layers
    for name in FILES:
        path = root / name
        if path.is_file():
            layers.append(_Layer(name, _read_file(path, name, faults)))
    faults.extend(
        Fault(
            "noc.E029",
            "ENVIRONMENT",
            f"{layer.name} names another environment.",
            "Files are read in the local environment only.",
            "Set ENVIRONMENT and all other settings in the environment of the process.",
        )
        for layer in layers[1:]
        if layer.texts.get("ENVIRONMENT", "").strip().lower() not in _LOCAL
    )
    return layers


def _read_file(path: Path, name: str, faults: list[Fault]) -> Mapping[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        faults.append(
            Fault(
                "noc.E029",
                name,
                "It cannot be read.",
                "A text file in UTF-8 that this process may read.",
                "Correct its encoding or its permissions, or remove it.",
            )
        )
        return {}
    good = []
    for number, line in enumerate(lines, start=1):
        if _ASSIGNMENT.fullmatch(line):
            good.append(line)
        elif line.strip() and not line.startswith("#"):
            faults.append(
                Fault(
                    "noc.E029",
                    name,
                    f"Line {number} is not an assignment.",
                    "Each line is NAME=value, a comment that starts with #, or empty.",
                    "Correct the line.",
                )
            )

    # django-environ writes into the class attribute ENVIRON, os.environ by default: what one copy
    # keeps in a file must not leak into the environment of the programs that we start.
    class FileEnv(environ.Env):  # type: ignore[misc]
        ENVIRON: ClassVar[dict[str, str]] = {}

    FileEnv.read_env(io.StringIO("\n".join(good)))
    return FileEnv.ENVIRON


def _take(
    variable: Variable,
    environment: str,
    layers: Iterable[_Layer],
    values: dict[str, Any],
    sources: dict[str, str],
    faults: list[Fault],
    *,
    required: bool = True,
) -> None:
    try:
        found = _find(variable, layers)
        if found is None:
            text = variable.default_in(environment)
            if text is not None:
                found = _Found(text, "default")
        if found is not None:
            values[variable.name] = variable.read(found.text)
            sources[variable.name] = found.source
        elif variable.derive is not None:
            values[variable.name] = variable.derive(values)
            sources[variable.name] = "derived"
        elif environment not in variable.required:
            values[variable.name] = None
            sources[variable.name] = "unset"
        elif required:
            faults.append(
                Fault("noc.E002", variable.name, "It is not set.", needed(variable), variable.hint)
            )
    except Unreadable as error:
        rule = f"A {variable.read.kind}."
        hint = variable.hint or "Correct the value."
        faults.append(Fault("noc.E001", variable.name, str(error), rule, hint))
    except _NotRead:
        pass


def _find(variable: Variable, layers: Iterable[_Layer]) -> _Found | None:
    for layer in layers:
        text = layer.texts.get(variable.name)
        if text == "" and variable.empty_is_unset:
            text = None
        path = layer.texts.get(f"{variable.name}_FILE") if variable.secret else None
        if text is not None and path:
            raise Unreadable(f"{variable.name} and {variable.name}_FILE are both set.")
        if text is not None:
            return _Found(text.strip(), layer.name)
        if path:
            return _Found(_read_secret(Path(path)), f"{variable.name}_FILE")
    return None


def _read_secret(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Unreadable("The file that _FILE names cannot be read.") from None
    if not text:
        raise Unreadable("The file that _FILE names is empty.")
    return text


def needed(variable: Variable) -> str:
    """In which environments a variable must be given, in words."""
    names = [name for name in ENVIRONMENTS if name in variable.required]
    return (
        "Must be set." if len(names) == len(ENVIRONMENTS) else f"Must be set in {', '.join(names)}."
    )


def shown(variable: Variable, value: Any) -> str:
    """A value as people may see it: secrets are masked, of a URL only the credentials."""
    if value is None:
        return ""
    if variable.secret:
        url = re.fullmatch(r"([a-z][a-z0-9+.-]*://)([^@]*@)?([^?]*)(\?.*)?", str(value))
        return f"{url[1]}{MASK + '@' if url[2] else ''}{url[3]}" if url else MASK
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list | frozenset | set):
        return ",".join(map(str, value))
    return str(value)
