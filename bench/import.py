"""Loading a file of 50,000 outages, with audit and events, against a bare COPY of its rows."""

import csv
import io
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import django
from django.db import connection, transaction
from django.utils import timezone

from bench import seeds
from bench.harness import ROOT, Goal, Turn, compare, database, options, settle, sql

ROWS = 50_000
FEW = 5_000  # one batch of the engine
COLUMNS = ("id", "site_name", "site_id", "severity", "detected_at", "resolved_at", "description",
           "affected_services")  # fmt: skip
OUTAGES = "outages_outage"
TABLES = (OUTAGES, "outages_outagelife", "audit_entry", "core_event", "core_reaction")
EMPTIED = "core_reaction, core_event, jobs_job, outages_outage"  # the audit log only grows
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


def queued(content: bytes) -> UUID:
    """Put a file into the queue, nothing of it being there; returns its job."""
    from core.actors import system  # noqa: PLC0415 - Django is set up by now
    from jobs import services as jobs  # noqa: PLC0415
    from jobs.choices import Consistency  # noqa: PLC0415
    from outages import services  # noqa: PLC0415
    from outages.choices import Settlement  # noqa: PLC0415

    sql(f"TRUNCATE {EMPTIED} CASCADE")
    taken = services.import_outages(
        jobs.receive(io.BytesIO(content), "outages.csv"),
        consistency=Consistency.ATOMIC,
        dry_run=False,
        again=False,
        settlement=Settlement.HOLD,
        later=True,
        actor=system("outages"),
        at=timezone.now(),
    )
    return taken.job.id


def run(job_id: UUID) -> float:
    """Run a job in this process, from its claim to its commit; returns the seconds it took."""
    from jobs import services as jobs  # noqa: PLC0415

    started = time.perf_counter()
    ended = jobs.run_job(job_id)
    if ended != "success":
        raise RuntimeError(f"The import ended as {ended}.")
    return time.perf_counter() - started


def load(content: bytes) -> Turn:
    return Turn(content.count(b"\n") - 1, run(queued(content)))


def columns(table: str) -> str:
    """The columns that an INSERT may name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attnum > 0"
            " AND attrelid = %s::regclass AND attgenerated = '' AND NOT attisdropped",
            [table],
        )
        return str(cursor.fetchone()[0])


def loaded() -> list[tuple[object, ...]]:
    """The outages that were loaded, as Python has them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns(OUTAGES)} FROM {OUTAGES} ORDER BY id")  # noqa: S608
        rows: list[tuple[object, ...]] = cursor.fetchall()
        return rows


def copy_outages(rows: list[tuple[object, ...]]) -> Turn:
    """COPY outages, nothing else, into a table with the same columns, checks and indexes."""
    sql(f"TRUNCATE bench_{OUTAGES}")
    target = f"bench_{OUTAGES} ({columns(OUTAGES)})"
    started = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    return Turn(len(rows), time.perf_counter() - started)


def written() -> dict[str, bytes]:
    """All rows that the load wrote, as COPY spells them, by table."""
    rows = {}
    for table in TABLES:
        source = f"SELECT {columns(table)} FROM {table} ORDER BY id"  # noqa: S608 - our names
        with connection.cursor() as cursor, cursor.copy(f"COPY ({source}) TO STDOUT") as copy:
            rows[table] = b"".join(bytes(part) for part in copy)
    return rows


def copy_all(rows: dict[str, bytes]) -> Turn:
    """COPY every row that a load writes, in one transaction: what PostgreSQL itself takes."""
    sql(f"TRUNCATE {', '.join(f'bench_{table}' for table in TABLES)}")
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            target = f"bench_{table} ({columns(table)})"
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                copy.write(rows[table])
    return Turn(rows[OUTAGES].count(b"\n"), time.perf_counter() - started)


def peak_mib(rows: int) -> float:
    """The most memory that a process takes which runs the job of so many rows and nothing else."""
    child = [sys.executable, "-m", "bench.import", f"{CHILD}{queued(file_of(rows))}"]
    done = subprocess.run(child, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def print_peak(job_id: UUID) -> None:
    django.setup()
    run(job_id)
    # Of this program alone: what getrusage tells begins with the size of the process it came from.
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def main() -> None:
    chosen = options(__doc__, rows=ROWS)
    with database():
        seeds.sites()
        for table in TABLES:
            sql(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
        settle("network_site", "network_operator")
        content = file_of(chosen.rows)
        load(content)
        only, everything = loaded(), written()
        compare(
            "import",
            {
                "COPY of the outages alone": lambda: copy_outages(only),
                "COPY of all rows it writes": lambda: copy_all(everything),
                "load a file": lambda: load(content),
            },
            [
                Goal(
                    "of a COPY of the outages",
                    lambda turns: (
                        turns["load a file"].rate / turns["COPY of the outages alone"].rate
                    ),
                    least=0.15,
                ),
                Goal(
                    "of a COPY of all rows",
                    lambda turns: (
                        turns["load a file"].rate / turns["COPY of all rows it writes"].rate
                    ),
                    least=0.15,
                ),
            ],
            rounds=chosen.rounds,
        )
        few = min(FEW, chosen.rows)
        print(
            f"  peak memory: {peak_mib(few):.0f} MiB for {few} rows,"
            f" {peak_mib(chosen.rows):.0f} MiB for {chosen.rows}"
        )


if __name__ == "__main__":
    if sys.argv[-1].startswith(CHILD):
        print_peak(UUID(sys.argv[-1].removeprefix(CHILD)))
    else:
        main()
