"""GET /outages/export: the file, its filters, and what it costs."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from core import events, exports
from outages import services
from outages.choices import Settlement, Source
from outages.models import Outage
from outages.policy.intake import OutageFacts
from tests import world
from tests.outages import files
from tests.outages.files import answer, send

# A snapshot is a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)

HEADER = (
    "id,site_name,site_id,severity,status,detected_at,resolved_at,description,affected_services,"
    "affected_subscribers,assigned_to,created_by,location,sla_status,cause,declared_mttr_minutes,"
    "root_cause,resolution_notes"
)
COLUMNS = [name for (name,) in csv.reader(HEADER.split(","))]


def export(role: str = "engineer", **query: str) -> Any:
    return world.client(role).get("/outages/export", query)


def content(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def table(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(response).decode(), newline="")))


def test_an_export_is_a_csv_file() -> None:
    world.outage(
        id="OUT-9",
        site_id="LOS-1",
        affected_services=["CDN", "DNS, inner"],
        location={"latitude": 6.45, "longitude": -3.4},
        affected_subscribers=12,
    )
    response = export()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="outages.csv"'
    assert (response["X-Total-Count"], response["Cache-Control"]) == ("1", "no-store")
    (row,) = table(response)
    assert list(row) == COLUMNS
    assert (row["id"], row["site_id"], row["status"]) == ("OUT-9", "LOS-1", "open")
    assert row["detected_at"] == "2026-01-05T10:00:00Z"
    assert row["affected_services"] == '["CDN","DNS, inner"]'
    assert row["location"] == '{"latitude":6.45,"longitude":-3.4}'
    assert (row["affected_subscribers"], row["resolved_at"]) == ("12", "")


def test_an_empty_export_has_its_header() -> None:
    assert content(export()) == HEADER.encode() + b"\r\n"
    assert content(export(format="json")) == b"[]\n"
    assert content(export(format="ndjson")) == b""


@pytest.mark.parametrize("kind", ["json", "JSON", "ndjson", "NDJSON"])
def test_the_kind_is_asked_for_in_any_case(kind: str) -> None:
    for n in range(3):
        world.outage(description=f"Outage {n}")
    response = export(format=kind)
    assert response["Content-Disposition"].endswith(f'outages.{kind.lower()}"')
    text = content(response).decode()
    found = json.loads(text) if kind.lower() == "json" else list(map(json.loads, text.splitlines()))
    assert [list(each) for each in found] == [COLUMNS] * 3
    assert found[0]["affected_services"] == []
    assert export(format="xlsx").json()["errors"][0]["pointer"] == "/format"


def test_cells_that_a_spreadsheet_would_run_are_made_safe() -> None:
    world.outage(description="=1+1", root_cause="-5", resolution_notes="@x", site_name="+44")
    (row,) = table(export())
    assert (row["description"], row["root_cause"]) == ("'=1+1", "'-5")
    assert (row["resolution_notes"], row["site_name"]) == ("'@x", "'+44")
    (plain,) = json.loads(content(export(format="json")))
    assert (plain["description"], plain["root_cause"]) == ("=1+1", "-5")


def test_filters_narrow_the_file_as_they_narrow_the_list() -> None:
    world.outage(id="LOW", severity="low", description="A")
    world.outage(id="HIGH", severity="high", description="B")
    world.outage(id="OLD", severity="high", detected_at="2025-01-05T10:00:00Z")
    response = export(severity="high", date_from="2026-01-01")
    assert response["X-Total-Count"] == "1"
    assert [row["id"] for row in table(response)] == ["HIGH"]
    entry = Entry.objects.get(action="outages.export")
    assert '"count":1' in entry.body
    assert '"severity":["high"]' in entry.body


def test_outages_of_others_and_deleted_ones_stay_out() -> None:
    region = world.region("emea")
    world.site("MINE", region=region)
    world.outage(id="HERE", site_id="MINE")
    world.outage(id="THERE", site_id="OURS")
    world.outage(id="GONE", site_id="MINE", description="Told twice")
    services.delete_outage("GONE", "told twice", actor=world.actor("admin"), at=world.AT)
    engineer = world.client(user=world.person("engineer", region=region))
    assert [row["id"] for row in table(engineer.get("/outages/export"))] == ["HERE"]
    both = table(world.client("manager").get("/outages/export", {"deleted": "include"}))
    assert {row["id"] for row in both} == {"HERE", "THERE", "GONE"}


def test_engineers_export_and_others_do_not() -> None:
    assert export("operator").json()["required_role"] == "engineer"
    assert not Entry.objects.filter(action="outages.export").exists()


def test_what_the_result_of_the_sla_says_goes_along() -> None:
    world.outage(id="DONE", status="resolved", resolved_at="2026-01-05T11:00:00Z")
    word = table(export())[0]["sla_status"]
    whole = json.loads(content(export(format="json")))[0]["sla_status"]
    assert word == whole["status"]
    assert whole["result_id"].startswith("slr_")


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
def test_pieces_join_without_a_seam(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [world.outage(description=f"Outage {n}").reference for n in range(7)]
    monkeypatch.setattr(exports, "PIECE", 3)
    body = content(export(format=kind)).decode()
    if kind == "csv":
        assert body.count("\r\n") == 8
    assert [row["id"] for row in in_order(body.encode(), kind)] == whole


def test_a_file_is_one_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PIECE", 2)
    for n in range(6):
        world.outage(description=f"Outage {n}")
    response = export()
    stream = response.streaming_content
    first = next(stream)
    world.at_once(1, lambda _: world.outage(description="Late"))
    world.at_once(1, lambda _: Outage.objects.update(site_name="Changed"))
    rest = b"".join(stream)
    response.close()
    assert first + rest == (first + rest).replace(b"Changed", b"")
    assert (first + rest).count(b"\r\n") == 7
    assert response["X-Total-Count"] == "6"


def test_an_error_midway_breaks_the_file_and_frees_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "PIECE", 2)
    for n in range(6):
        world.outage(description=f"Outage {n}")
    response = export()
    pieces: list[bytes] = []

    def broken(*_: Any) -> list[Any]:
        raise RuntimeError("the disk is gone")

    stream = response.streaming_content
    pieces += [next(stream), next(stream)]
    monkeypatch.setattr(exports.Export, "_piece", broken)
    with pytest.raises(RuntimeError):
        next(stream)
    response.close()
    assert len(pieces) == 2
    assert not connection.in_atomic_block
    world.outage(description="Goes on")


def test_a_reader_who_goes_away_gives_the_snapshot_back() -> None:
    world.outage()
    response = export()
    next(response.streaming_content)
    response.close()
    assert not connection.in_atomic_block


def test_memory_and_statements_do_not_grow_with_the_file(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(exports, "PIECE", 5)
    for n in range(11):
        world.outage(description=f"Outage {n}")
    layout = exports.Layout("x", ("id",), lambda rows: [{"id": row.reference} for row in rows])
    with django_assert_num_queries(8):  # savepoints aside: begin, two settings, count, 3 pieces
        export_ = exports.Export(Outage.objects.all(), layout, "csv")
        assert len(list(export_)) == 4
        export_.close()


# What goes out comes in again.

words = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x7f")
    | st.sampled_from("\r\n\t\"',;|=+-@'[]{}\\\u202e\u05d0\U0001f525"),
    min_size=1,
    max_size=40,
).filter(lambda text: bool(text.strip()))
notes = st.none() | words


@st.composite
def tales(draw: st.DrawFn) -> dict[str, Any]:
    resolved = draw(st.booleans())
    return {
        "site_name": draw(words),
        "severity": draw(st.sampled_from(["critical", "high", "medium", "low"])),
        "detected_at": "2026-01-05T10:00:00.123456Z",
        "description": draw(words),
        "cause": draw(st.sampled_from(["power", "unknown"])),
        "affected_services": draw(st.lists(words, max_size=3)),
        "affected_subscribers": draw(st.none() | st.integers(0, 2**31 - 1)),
        "assigned_to": draw(notes),
        "root_cause": draw(notes),
        "resolution_notes": draw(notes),
        "location": draw(
            st.none()
            | st.fixed_dictionaries(
                {
                    "latitude": st.integers(-90_000_000, 90_000_000).map(lambda n: n / 1e6),
                    "longitude": st.integers(-180_000_000, 180_000_000).map(lambda n: n / 1e6),
                }
            )
        ),
        "status": "resolved" if resolved else "open",
        "resolved_at": "2026-01-05T11:30:00Z" if resolved else None,
        "mttr_minutes": draw(st.none() | st.integers(0, 2**32 - 1)) if resolved else None,
    }


def in_order(file: bytes, kind: str) -> list[dict[str, Any]]:
    """The rows of a file by their id: rows of one millisecond have no order of their own."""
    text = file.decode()
    rows: list[dict[str, Any]]
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    else:
        rows = json.loads(text) if kind == "json" else list(map(json.loads, text.splitlines()))
    for row in rows:
        row["sla_status"] = None  # whose results are made later, and have ids of their own
    return sorted(rows, key=lambda row: str(row["id"]))


def leave_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE outages_outage CASCADE")


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
@settings(
    max_examples=15,
    deadline=timedelta(seconds=10),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(told=st.lists(tales(), min_size=1, max_size=4))
def test_what_was_exported_comes_in_as_it_was(kind: str, told: list[dict[str, Any]]) -> None:
    leave_nothing()
    births = [OutageFacts.model_validate(each | {"id": f"T-{n}"}) for n, each in enumerate(told)]
    with events.delivering_at_most(0):
        services.open_outages(
            births,
            actor=world.actor("engineer"),
            at=world.AT,
            source=Source.PERSON,
            settlement=Settlement.NONE,
            bulk=False,
        )
    first = content(export(format=kind))
    leave_nothing()
    body = answer(send(first, name=f"outages.{kind}", settlement="none"))
    assert (body["errors"], body["error_count"]) == ([], 0)
    assert body["ignored_columns"] == ["created_by", "sla_status"]
    assert in_order(content(export(format=kind)), kind) == in_order(first, kind)


def test_the_real_history_goes_out_and_comes_in_as_it_was() -> None:
    answer(send(files.REAL.read_bytes(), "/outages/bulk", settlement="none"))
    first = content(export(status="open")), content(export(status="resolved"))
    leave_nothing()
    told = [answer(send(file, "/outages/bulk", settlement="none")) for file in first]
    assert [each["imported"] for each in told] == [121, 532]
    again = content(export(status="open")), content(export(status="resolved"))
    assert [in_order(file, "csv") for file in again] == [in_order(file, "csv") for file in first]


def cells() -> Iterator[tuple[str, str]]:
    yield from [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("+44", "'+44"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("plain", "plain"),
        ("'plain", "'plain"),
        ("'=1", "''=1"),
        ("''-1", "'''-1"),
    ]


@pytest.mark.parametrize(("text", "cell"), list(cells()))
def test_a_guarded_cell_is_read_as_it_was(text: str, cell: str) -> None:
    from core.cells import guarded, unguarded

    assert guarded(text) == cell
    assert unguarded(cell) == text
