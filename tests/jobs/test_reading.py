"""What is read from a file, and what is said of what cannot be."""

import io
import tracemalloc
from collections.abc import Iterator

import pytest

from jobs.choices import FileKind
from jobs.policy.files import BadHeader, UnsupportedFile, kind_of
from tests.jobs.sheets import cells, codes, rows, table

CSV, JSON, NDJSON = FileKind.CSV, FileKind.JSON, FileKind.NDJSON
LOT = [{"code": "A", "quantity": "1"}]


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("lots.csv", "", CSV),
        ("LOTS.CSV", "application/octet-stream", CSV),
        ("lots.json", "text/plain", JSON),
        ("lots.ndjson", "", NDJSON),
        ("lots", "text/csv; charset=utf-8", CSV),
        ("lots", "application/json", JSON),
    ],
)
def test_the_name_says_the_kind_and_else_the_content_type(
    name: str, content_type: str, kind: FileKind
) -> None:
    assert kind_of(name, content_type) == kind


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("lots.xlsx", "text/csv"), ("lots.csv.gz", ""), ("lots", "text/html"), ("", "")],
)
def test_other_kinds_are_refused(name: str, content_type: str) -> None:
    with pytest.raises(UnsupportedFile):
        kind_of(name, content_type)


@pytest.mark.parametrize(
    ("start", "word"), [(b"\x1f\x8b\x08", "gzip"), (b"PK\x03\x04", "spreadsheet"), (b"%PDF", "PDF")]
)
def test_a_foreign_file_with_our_name_is_refused(start: bytes, word: str) -> None:
    with pytest.raises(UnsupportedFile, match=word):
        table(start + b"\x00rest")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_by_the_columns_it_yields(delimiter: str) -> None:
    assert cells(f"code{delimiter}quantity\nA{delimiter}1\n".encode()) == LOT


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_newline_ends_a_line(newline: str) -> None:
    assert cells(f"code,quantity{newline}A,1{newline}".encode()) == LOT


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert cells(b"\xef\xbb\xbfcode,quantity\nA,1\n") == LOT
    assert cells(b'\xef\xbb\xbf[{"code":"A","quantity":"1"}]', JSON) == LOT
    assert cells(b'\xef\xbb\xbf{"code":"A","quantity":"1"}\n', NDJSON) == LOT


def test_columns_are_read_in_any_order_and_case() -> None:
    assert cells(b" Quantity , CODE\n1,A\n") == LOT


def test_quoted_cells_keep_newlines_quotes_and_delimiters() -> None:
    content = b'code,quantity,note\nA,1,"two\r\nlines, ""quoted"""\nB,2,\n'
    assert cells(content) == [
        {"code": "A", "quantity": "1", "note": 'two\r\nlines, "quoted"'},
        {"code": "B", "quantity": "2"},
    ]


def test_lines_are_counted_as_an_editor_shows_them() -> None:
    content = b'code,quantity,note\n\nA,1,"two\nlines"\n,,\n   \nB,2,x\n'
    assert [(each.number, each.line) for each in rows(content)] == [(0, 3), (1, 7)]


def test_blank_lines_and_empty_cells_are_nothing() -> None:
    assert cells(b"\n\ncode,quantity,note\n\n,,\nA,1,  \n") == LOT


def test_the_apostrophe_of_an_export_is_taken_off() -> None:
    content = b"code,quantity,note\nA,1,'=1+1\nB,2,'plain\nC,3,''=x\nD,4,'-5\n"
    assert [each.get("note") for each in cells(content)] == ["=1+1", "'plain", "'=x", "-5"]


def test_a_second_set_of_columns_is_known_by_its_own() -> None:
    found = table(b"serial,note\nS1,x\n")
    assert found.header.set_name == "serials"
    assert [each.cells for each in found.rows] == [{"serial": "S1", "note": "x"}]


def test_all_that_is_wrong_with_a_header_is_named_at_once() -> None:
    with pytest.raises(BadHeader) as refused:
        table(b"code,note,note,colour,size\nA,1,2,3,4\n")
    found = {(fault.code, fault.pointer) for fault in refused.value.faults}
    assert found == {
        ("missing_column", "/quantity"),
        ("doubled_column", "/note"),
        ("unknown_column", "/colour"),
        ("unknown_column", "/size"),
    }
    assert "quantity" in refused.value.detail
    assert all(fault.place == "file" for fault in refused.value.faults)


def test_a_target_may_ignore_columns_and_names_them() -> None:
    found = table(b"code,quantity,colour\nA,1,red\n", strict=False)
    assert found.header.ignored == ("colour",)
    assert [each.cells for each in found.rows] == LOT


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_header(content: bytes) -> None:
    with pytest.raises(BadHeader, match="empty"):
        table(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_named(encoding: str) -> None:
    with pytest.raises(BadHeader, match="UTF-8"):
        table("code,quantity\nA,1\n".encode(encoding))


def test_a_header_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadHeader, match="UTF-8"):
        table("code,quantity,grün\nA,1,x\n".encode("latin-1"))


def test_a_row_that_is_not_utf_8_is_named_with_its_column() -> None:
    content = b"code,quantity,note\nA,1,gr\xfcn\nB,2,green\n"
    first, second = rows(content)
    assert (first.faults[0].code, first.faults[0].pointer) == ("bad_encoding", "/note")
    assert second.faults == ()


def test_a_row_of_too_few_or_too_many_cells_is_named() -> None:
    assert codes(b"code,quantity\nA\nB,2\nC,3,x\n") == ["bad_row", "ok", "bad_row"]


def test_a_cell_beyond_64_kib_is_a_bad_row_and_the_next_ones_are_read() -> None:
    long = b"x" * (64 * 1024 + 1)
    content = b"code,quantity,note\nA,1," + long + b"\nB,2,y\n"
    assert codes(content) == ["bad_row", "ok"]
    assert codes(b"code,quantity,note\nA,1," + long[:-1] + b"\n") == ["ok"]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file() -> None:
    content = b'code,quantity\nA,"1\n' + b"B,2\n" * 40_000
    found = codes(content)
    assert found[0] == "bad_row"
    assert found.count("ok") > 20_000


def test_a_line_without_end_is_one_bad_row() -> None:
    content = b"code,quantity\nA,1\nB," + b"9" * (3 * 1024 * 1024) + b"\nC,3\n"
    assert codes(content) == ["ok", "bad_row", "ok"]


def test_an_array_of_objects_is_read() -> None:
    content = b'[{"code":"A","quantity":1,"note":null},\n {"code":"B","quantity":2.5}]'
    first, second = cells(content, JSON)
    assert first == {"code": "A", "quantity": 1, "note": None}
    assert str(second["quantity"]) == "2.5"
    assert cells(b"[]", JSON) == []


@pytest.mark.parametrize("content", [b'{"code":"A"}', b"", b"nothing", b'"text"', b"[1,2]"])
def test_a_json_file_is_one_array_of_objects(content: bytes) -> None:
    with pytest.raises(BadHeader):
        table(content, JSON)


def test_the_first_object_is_the_header() -> None:
    with pytest.raises(BadHeader) as refused:
        table(b'[{"code":"A","colour":"red"}]', JSON)
    assert {fault.code for fault in refused.value.faults} == {"missing_column", "unknown_column"}


def test_later_members_that_are_unknown_are_faults_of_their_row() -> None:
    content = b'[{"code":"A","quantity":1},{"code":"B","quantity":2,"colour":"red"}]'
    assert codes(content, JSON) == ["ok", "unknown_field"]
    assert codes(content, JSON, strict=False) == ["ok", "ok"]
    assert cells(content, JSON, strict=False)[1] == {"code": "B", "quantity": 2}


@pytest.mark.parametrize(
    "rest",
    [
        b",",
        b',{"code":',
        b',{"code":"B","quantity":2}',
        b"] and more",
        b',{"code":"B","quantity":NaN}]',
        b',{"code":"B","quantity":' + b"9" * 5000 + b"}]",
        b',{"code":"gr\xfcn","quantity":2}]',
        b"," + b"[" * 100_000,
        b',{"code":"' + b"x" * 2_000_000 + b'","quantity":2}]',
    ],
)
def test_where_an_array_breaks_the_row_is_named_and_reading_ends(rest: bytes) -> None:
    found = codes(b'[{"code":"A","quantity":1}' + rest, JSON)
    assert found[0] == "ok"
    assert found[-1] in ("bad_row", "bad_encoding")
    assert len(found) <= 3


def test_deep_nesting_ends_the_reading() -> None:
    content = b'[{"code":' + b"[" * 5000 + b"]" * 5000 + b',"quantity":1}]'
    with pytest.raises(BadHeader):
        table(content, JSON)
    assert codes(b'[{"code":"A","quantity":1},' + content[1:], JSON) == ["ok", "bad_row"]
    assert codes(b'[{"code":[[["A"]]],"quantity":1}]', JSON) == ["ok"]


def test_an_item_that_is_no_object_is_a_bad_row() -> None:
    assert codes(b'[{"code":"A","quantity":1},7,null]', JSON) == ["ok", "bad_row", "bad_row"]


def test_a_member_beyond_64_kib_is_a_bad_row() -> None:
    content = b'[{"code":"A","quantity":1},{"code":"' + b"x" * 70_000 + b'","quantity":1}]'
    assert codes(content, JSON) == ["ok", "bad_row"]


def test_json_lines_go_on_after_a_bad_one() -> None:
    good = b'{"code":"A","quantity":1}\n'
    lines = [good, b"\n", b"{broken\n", b'{"code":"\xff"}\n', b"[1]\n", b"x" * 2_000_000 + b"\n"]
    assert codes(b"".join(lines) + good, NDJSON) == [
        "ok",
        "bad_row",
        "bad_encoding",
        "bad_row",
        "bad_row",
        "ok",
    ]


class Endless(io.RawIOBase):
    """So many bytes that keeping them would show."""

    def __init__(self, first: bytes, part: bytes, size: int) -> None:
        super().__init__()
        self._parts = self._made(first, part, size)
        self._rest = b""

    @staticmethod
    def _made(first: bytes, part: bytes, size: int) -> Iterator[bytes]:
        yield first
        sent = 0
        while sent < size:
            yield part
            sent += len(part)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize(
    ("kind", "first", "part"),
    [
        (CSV, b"code,quantity\n", (b"A," + b"1" * 500 + b"\n") * 100),
        (CSV, b"code,quantity\n", b"A," + b"9" * 100_000),
        (CSV, b'code,quantity\nA,"', b"\n" + b"9" * 50_000),
        (JSON, b'[{"code":"A","quantity":1}', b',{"code":"' + b"A" * 500 + b'","quantity":1}'),
        (JSON, b'[{"code":"A","quantity":1},{"code":"', b"x" * 100_000),
        (NDJSON, b"", (b'{"quantity":1,"code":"' + b"A" * 500 + b'"}\n') * 100),
        (NDJSON, b'{"code":"A","quantity":1}\n', b"x" * 100_000),
    ],
    ids=["csv", "csv line", "csv quote", "json", "json item", "ndjson", "ndjson line"],
)
def test_memory_does_not_grow_with_the_file(kind: FileKind, first: bytes, part: bytes) -> None:
    tracemalloc.start()
    try:
        stream = io.BufferedReader(Endless(first, part, 16 * 1024 * 1024))
        for _ in table(stream, kind).rows:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
