"""`.env.example` and docs/configuration.md, written from the table of settings."""

from textwrap import wrap

from config.env import DEPLOYED, Variable, needed
from config.rules import SAMPLE_SECRET_KEY
from config.variables import TABLE

PREFACE = """# Configuration

Made from `config/variables/` by `manage.py show_settings --format markdown`; a test fails when it
is stale.

Settings come from the environment of the process. In `ENVIRONMENT=local` the files `.env` and then
`var/local.env` (made by `script/server`) are read below it. Names that are not listed are ignored.
Each secret may be given as a file instead: `SECRET_KEY_FILE=/run/secrets/secret_key`.

A wrong setting stops every process (web, worker, beat, command) at its start with exit code 1 and
one line for each fault: its id, the name, what is wrong, the rule and the fix.
`manage.py check --deploy` judges the same rules; `manage.py show_settings` prints what is in force
and where it comes from."""


def env_example() -> str:
    """Every setting with its default, commented out: a copy as .env changes nothing."""
    lines = [
        "# Settings of NOC IQ, made from config/variables/ by",
        "#   manage.py show_settings --format env > .env.example",
        "# A copy named .env is read in the local environment only; script/server makes what has",
        "# no default there. Each secret may be given as a file: NAME_FILE=/run/secrets/name.",
    ]
    for group in TABLE:
        lines += ["", f"# --- {group.title} ---"]
        for variable in group.variables:
            lines.append("")
            for says in (variable.about, *_says(variable)):
                lines += wrap(says, 98, initial_indent="# ", subsequent_indent="#   ")
            lines.append(f"#{variable.name}={_example(variable)}")
    return "\n".join(lines) + "\n"


def _example(variable: Variable) -> str:
    if variable.name == "SECRET_KEY":
        return SAMPLE_SECRET_KEY
    return variable.default_in("local") or ""


def _says(variable: Variable) -> list[str]:
    said = []
    if variable.required:
        said.append(needed(variable))
    said += [rule.says for rule in variable.rules]
    elsewhere: dict[str, list[str]] = {}
    for name in sorted(DEPLOYED, reverse=True):
        text = variable.defaults.get(name)
        if text is not None:
            elsewhere.setdefault(text or "empty", []).append(name)
    said += [f"Default in {' and '.join(names)}: {text}." for text, names in elsewhere.items()]
    if variable.derived:
        said.append(f"Default: {variable.derived}.")
    return said


def configuration_page() -> str:
    """The page of all settings for people who run NOC IQ."""
    lines = [PREFACE]
    for group in TABLE:
        lines += [
            "",
            f"## {group.title}",
            "",
            "| name | default | meaning and rule |",
            "|---|---|---|",
            *(_row(variable) for variable in group.variables),
        ]
    return "\n".join(lines) + "\n"


def _row(variable: Variable) -> str:
    default = variable.default_in("local")
    shown = variable.derived or (f"`{default}`" if default else "")
    meaning = " ".join([variable.about, *_says_beside_default(variable)])
    if variable.secret:
        meaning += " Secret."
    return f"| `{variable.name}` | {shown} | {meaning} |".replace("  ", " ")


def _says_beside_default(variable: Variable) -> list[str]:
    return [says for says in _says(variable) if says != f"Default: {variable.derived}."]
