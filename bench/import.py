"""Loading a file of 50,000 outages, with audit and events, against a bare COPY of the same rows."""

import csv
import io
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import django
from django.db import connection
from django.utils import timezone

from bench import seeds
from bench.harness import ROOT, Goal, Turn, compare, database, options, settle, sql

ROWS = 50_000
FEW = 5_000  # one batch of the engine
COLUMNS = ("id", "site_name", "site_id", "severity", "detected_at", "resolved_at", "description",
           "affected_services")  # fmt: skip
WRITTEN = "core_reaction, core_event, jobs_job, outages_outage"  # the audit log only grows
START = datetime(2024, 1, 1, tzinfo=UTC)
CHILD = "--peak-memory-of="


def file_of(rows: int) -> bytes:
    """A file as an operator would export it: four of five outages are over."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for n in range(rows):
        detected = START + timedelta(minutes=17 * n)
        writer.writerow(
            (
                f"IMP-{n:06d}",
                f"Hub {n % seeds.SITES}",
                f"hub-{n % seeds.SITES}",
                ("critical", "high", "medium", "low")[n % 4],
                detected.isoformat(),
                (detected + timedelta(minutes=50)).isoformat() if n % 5 else "",
                f"Loss of signal on ring {n}, both directions, since the storm.",
                "DNS|VoIP",
            )
        )
    return text.getvalue().encode()


def load(content: bytes) -> Turn:
    """Queue a file and run its job in this process; what is timed is the run, commit included."""
    from core.actors import system  # noqa: PLC0415 - Django is set up by now
    from jobs import services as jobs  # noqa: PLC0415
    from jobs.choices import Consistency  # noqa: PLC0415
    from outages import services as outages  # noqa: PLC0415
    from outages.choices import Settlement  # noqa: PLC0415

    sql(f"TRUNCATE {WRITTEN} CASCADE")
    taken = outages.import_outages(
        jobs.receive(io.BytesIO(content), "outages.csv"),
        consistency=Consistency.ATOMIC,
        dry_run=False,
        again=False,
        settlement=Settlement.HOLD,
        later=True,
        actor=system("outages"),
        at=timezone.now(),
    )
    started = time.perf_counter()
    ended = jobs.run_job(taken.job.id)
    seconds = time.perf_counter() - started
    if ended != "success":
        raise RuntimeError(f"The import ended as {ended}.")
    return Turn(content.count(b"\n") - 1, seconds)


def columns() -> str:
    """The columns of an outage that are not generated."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attnum > 0"
            " AND attrelid = 'outages_outage'::regclass AND attgenerated = ''"
            " AND NOT attisdropped"
        )
        return str(cursor.fetchone()[0])


def loaded() -> bytes:
    """The outages that are there, as COPY writes them."""
    source = f"SELECT {columns()} FROM outages_outage ORDER BY id"  # noqa: S608 - our names
    with connection.cursor() as cursor, cursor.copy(f"COPY ({source}) TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


def bare_copy(rows: bytes) -> Turn:
    """COPY rows into a table with the same columns, checks and indexes."""
    sql("TRUNCATE bench_outage")
    target = f"bench_outage ({columns()})"
    started = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        copy.write(rows)
    return Turn(rows.count(b"\n"), time.perf_counter() - started)


def peak_mib(rows: int) -> float:
    """The most memory that a process of its own takes to load so many rows."""
    child = [sys.executable, "-m", "bench.import", f"{CHILD}{rows}"]
    done = subprocess.run(child, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def print_peak(rows: int) -> None:
    django.setup()
    load(file_of(rows))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    chosen = options(__doc__, rows=ROWS)
    with database():
        seeds.sites()
        sql("CREATE TABLE bench_outage (LIKE outages_outage INCLUDING ALL)")
        settle("network_site", "network_operator")
        content = file_of(chosen.rows)
        load(content)
        rows = loaded()
        compare(
            "import",
            {
                "bare COPY": lambda: bare_copy(rows),
                "load a file": lambda: load(content),
            },
            [
                Goal(
                    "of the bare COPY",
                    lambda turns: turns["load a file"].rate / turns["bare COPY"].rate,
                    least=0.15,
                )
            ],
            rounds=chosen.rounds,
        )
        few, many = peak_mib(min(FEW, chosen.rows)), peak_mib(chosen.rows)
        print(f"  peak memory: {few:.0f} MiB for {FEW} rows, {many:.0f} MiB for {chosen.rows}")


if __name__ == "__main__":
    if sys.argv[-1].startswith(CHILD):
        print_peak(int(sys.argv[-1].removeprefix(CHILD)))
    else:
        main()
