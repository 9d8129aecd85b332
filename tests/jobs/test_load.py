"""The engine: what is written, what is counted, where it stops."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actors import Actor, system
from core.ids import uuid7
from jobs.choices import Consistency, FileKind
from jobs.services.imports import engine
from jobs.services.imports.engine import Load, Report
from jobs.services.imports.reading import open_table
from jobs.services.imports.target import Context, Outcome
from tests.jobs.sheets import Shelf

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
ATOMIC, PARTIAL = Consistency.ATOMIC, Consistency.PARTIAL


def load(
    content: str,
    target: Shelf | None = None,
    consistency: Consistency = PARTIAL,
    checkpoint: Callable[..., None] = lambda *_: None,
) -> Report:
    target = target or Shelf()
    table = open_table(io.BytesIO(content.encode()), FileKind.CSV, target.sets, strict=True)
    context = Context(job_id=uuid7(), subject="", kind=FileKind.CSV, set_name=table.header.set_name)
    return Load(
        table=table,
        target=target,
        context=context,
        consistency=consistency,
        actor=system("tests"),
        at=AT,
        checkpoint=checkpoint,
    ).run()


def lots(*pairs: tuple[str, Any]) -> str:
    return "code,quantity\n" + "".join(f"{code},{quantity}\n" for code, quantity in pairs)


def counted(report: Report) -> tuple[int, int, int, int]:
    counts = report.counts
    assert counts.done == counts.ok + counts.failed + counts.duplicate
    return counts.done, counts.ok, counts.failed, counts.duplicate


def test_every_row_is_counted_once() -> None:
    report = load(lots(("A", 1), ("B", "x"), ("A", 1), ("A", 2), ("C", 3)))
    assert counted(report) == (5, 2, 2, 1)
    assert [(each.row, each.line, each.code) for each in report.faults] == [
        (1, 3, "bad_number"),
        (3, 5, "conflict"),
    ]
    assert report.error_count == 2


def test_an_atomic_load_with_a_fault_may_not_stand() -> None:
    assert load(lots(("A", 1), ("B", 2)), consistency=ATOMIC).failure == ""
    assert load(lots(("A", 1), ("B", "x")), consistency=ATOMIC).failure == "rows_invalid"


def test_a_partial_load_stands_on_one_good_row() -> None:
    assert load(lots(("A", "x"), ("B", 1))).failure == ""
    assert load(lots(("A", "x"))).failure == "no_valid_row"
    known = Shelf()
    load(lots(("A", 1)), known)
    assert load(lots(("A", 1)), known).failure == ""


def test_a_file_without_rows_loads_nothing() -> None:
    assert load("code,quantity\n", consistency=ATOMIC).failure == ""
    assert load("code,quantity\n").failure == "no_valid_row"


def test_rows_are_written_5000_at_a_time() -> None:
    target = Shelf()
    load(lots(*((f"L{n}", n) for n in range(12_000))), target)
    assert target.batches == [5000, 5000, 2000]


def test_a_batch_of_long_rows_is_cut_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH_BYTES", 200_000)
    target = Shelf()
    load(lots(*((f"{n:0>20000}", n) for n in range(100))), target)
    assert len(target.batches) > 5
    assert sum(target.batches) == 100


def test_an_atomic_load_stops_after_ten_thousand_faults() -> None:
    content = lots(*((f"L{n}", "x") for n in range(17_000)))
    stopped = load(content, consistency=ATOMIC)
    assert (stopped.stopped_early, stopped.error_count) == (True, 10_000)
    assert len(stopped.faults) == 1000
    whole = load(content)
    assert (whole.stopped_early, whole.error_count) == (False, 17_000)


def test_more_rows_than_the_target_takes_end_the_load() -> None:
    target = Shelf()
    target.max_rows = 3
    assert load(lots(*((f"L{n}", n) for n in range(3))), target).failure == ""
    report = load(lots(*((f"M{n}", n) for n in range(4))), target)
    assert report.failure == "too_many_rows"
    assert "M0" not in target.kept


def test_progress_is_told_in_bytes_and_rows() -> None:
    told: list[tuple[int, int]] = []
    content = lots(*((f"L{n}", n) for n in range(11_000)))
    load(content, checkpoint=lambda done, counts: told.append((done, counts.done)))
    assert [rows for _, rows in told] == [5000, 10_000, 11_000]
    assert told[-1][0] == len(content)
    assert told[0][0] < told[1][0] <= told[2][0]


class Fussy(Shelf):
    """A target whose table refuses some codes."""

    def __init__(self, refused: set[str]) -> None:
        super().__init__()
        self.refused = refused

    def write(
        self, batch: Sequence[Any], context: Context, *, actor: Actor, at: datetime
    ) -> list[Outcome]:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS fussy"
                " (code text CONSTRAINT fussy_code CHECK (code NOT LIKE 'BAD%')) ON COMMIT DROP"
            )
            cursor.executemany(
                "INSERT INTO fussy VALUES (%s)",
                [(f"BAD {code}" if code in self.refused else code,) for code, _ in batch],
            )
        return super().write(batch, context, actor=actor, at=at)


def test_rows_that_break_a_constraint_are_singled_out() -> None:
    refused = {"L7", "L1234", "L2999"}
    target = Fussy(refused)
    report = load(lots(*((f"L{n}", n) for n in range(3000))), target)
    assert counted(report) == (3000, 2997, 3, 0)
    assert [each.row for each in report.faults] == [7, 1234, 2999]
    assert {each.code for each in report.faults} == {"constraint_fussy_code"}
    assert target.kept.keys().isdisjoint(refused)


def test_more_than_a_hundred_of_them_end_the_load() -> None:
    names = [f"L{n}" for n in range(400)]
    assert load(lots(*((n, 1) for n in names)), Fussy(set(names[:100]))).failure == ""
    report = load(lots(*((n, 1) for n in names)), Fussy(set(names[:101])))
    assert report.failure == "too_many_errors"


def test_another_database_error_is_no_matter_of_rows() -> None:
    class Broken(Shelf):
        def write(self, *_: Any, **__: Any) -> list[Outcome]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
            raise AssertionError

    with pytest.raises(Exception, match="division by zero") as raised:
        load(lots(("A", 1)), Broken())
    assert not isinstance(raised.value, IntegrityError)


quantities = st.one_of(st.integers(0, 3).map(str), st.just("x"))
pairs = st.lists(st.tuples(st.sampled_from("ABCDEFGH"), quantities), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=pairs, batch=st.integers(1, 7))
def test_however_a_file_is_cut_the_figures_agree(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], batch: int
) -> None:
    whole, cut = Shelf(), Shelf()
    in_one = load(lots(*rows), whole)
    monkeypatch.setattr(engine, "BATCH_ROWS", batch)
    in_parts = load(lots(*rows), cut)
    monkeypatch.undo()
    assert counted(in_one) == counted(in_parts)
    assert in_one.faults == in_parts.faults
    assert whole.kept == cut.kept
    again = load(lots(*rows), cut)
    assert again.counts.ok == 0
    assert cut.kept == whole.kept
