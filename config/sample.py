"""The sample history: real outages of a public cloud, moved to the present by whole weeks."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

FILE = settings.BASE_DIR / "outages" / "data" / "outages_gcp_2017_2020.csv"
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Sample:
    """The file as it is loaded, its first reference, and the sites it names (code to name)."""

    name: str
    content: bytes
    first_reference: str
    rows: int
    sites: dict[str, str]


def read(now: datetime, file: Path = FILE) -> Sample:
    """Read the history and move it by whole weeks, so that weekdays and durations stay.

    What ended is moved together: the last end lies within the last seven days. What has no end
    is moved each by itself to the last seven days: it is open, and an end is never guessed.
    """
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    ended = [datetime.fromisoformat(row["resolved_at"]) for row in rows if row["resolved_at"]]
    together = weeks_until(max(ended), now)
    codes = site_codes(rows)
    for row in rows:
        row["site_id"] = row["site_id"] or codes[row["site_name"]]
        start = datetime.fromisoformat(row["detected_at"])
        weeks = together if row["resolved_at"] else weeks_until(start, now)
        row["detected_at"] = (start + weeks).isoformat()
        if row["resolved_at"]:
            row["resolved_at"] = (datetime.fromisoformat(row["resolved_at"]) + weeks).isoformat()
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    sites = {row["site_id"]: row["site_name"] for row in rows}
    return Sample(file.name, text.getvalue().encode(), rows[0]["id"], len(rows), sites)


def weeks_until(instant: datetime, now: datetime) -> timedelta:
    """The most whole weeks that can be added without reaching beyond ``now``."""
    return ((now - instant) // WEEK) * WEEK


def site_codes(rows: list[dict[str, str]]) -> dict[str, str]:
    """For each site name the code that mostly stands beside it, else a slug of the name."""
    seen: dict[str, Counter[str]] = {}
    for row in rows:
        found = seen.setdefault(row["site_name"], Counter())
        if row["site_id"]:
            found[row["site_id"]] += 1
    return {name: _code(name, found) for name, found in seen.items()}


def _code(name: str, found: Counter[str]) -> str:
    if found:
        return found.most_common(1)[0][0]
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "site"
