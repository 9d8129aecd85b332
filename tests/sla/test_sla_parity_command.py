"""The command that compares the engine with recorded answers of the contract."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

VECTORS = Path(__file__).parents[1] / "contracts/sla_parity_vectors.jsonl"


def test_it_tells_how_many_agree():
    out = StringIO()

    call_command("sla_parity", str(VECTORS), stdout=out)

    assert out.getvalue() == "checked 319, passed 319, failed 0\n"


def test_it_shows_where_they_differ_and_ends_with_one(tmp_path):
    file, out = tmp_path / "vectors.jsonl", StringIO()
    first, second, *_ = VECTORS.read_text().splitlines()
    falsified = second.replace('"amount": "', '"amount": "9')
    file.write_text(f"{first}\n{falsified}\n")

    with pytest.raises(CommandError) as failed:
        call_command("sla_parity", str(file), stdout=out)

    assert failed.value.returncode == 1
    assert "checked 2, passed 1, failed 1\nline 2: expected ('met', 'rew', 'excel', 9900)" in (
        out.getvalue()
    )


@pytest.mark.parametrize(("content", "said"), [(None, "Cannot read"), ("{", "not a file of JSON")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, said):
    file = tmp_path / "vectors.jsonl"
    if content is not None:
        file.write_text(content)

    with pytest.raises(CommandError, match=said):
        call_command("sla_parity", str(file))
