"""There is no drawer in the house, and no file too long to read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DRAWERS = {"utils", "helpers", "common", "misc", "util", "helper"}


def _sources() -> list[Path]:
    skipped = {".venv", "var", "migrations", "node_modules", "staticfiles"}
    return [path for path in ROOT.rglob("*.py") if not skipped & set(path.parts)]


def test_no_file_is_called_after_nothing() -> None:
    assert [path for path in _sources() if path.stem in DRAWERS] == []


def test_no_source_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _sources()
        if "tests" not in path.parts and (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
