"""Files by command: what goes out comes back, and a bad file says why."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from outages.models import Outage
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_exported_is_known_when_it_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.outage(id="OUT-A", description='=1+1, "quoted"\nand broken')
    file = tmp_path / "outages.csv"
    call_command("export_outages", str(file))
    call_command("import_outages", str(file))
    assert "1 rows: 0 new, 1 known, 0 faults." in capsys.readouterr().out
    assert Outage.objects.count() == 1


def test_a_file_of_another_installation_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "outages.csv"
    file.write_text(
        "service_id,start_time,end_time\nDNS,2026-01-05T10:00:00Z,2026-01-05T10:40:00Z\n"
    )
    call_command("import_outages", str(file), settlement="none")
    assert Outage.objects.get().settlement == "none"


def test_a_dry_run_loads_nothing(tmp_path: Path) -> None:
    file = tmp_path / "outages.csv"
    file.write_text(
        "service_id,start_time,end_time\nDNS,2026-01-05T10:00:00Z,2026-01-05T10:40:00Z\n"
    )
    call_command("import_outages", str(file), dry_run=True)
    assert not Outage.objects.exists()


@pytest.mark.parametrize(
    "content", ["nothing,known\n1,2\n", "service_id,start_time,end_time\nx,y,z\n"]
)
def test_a_bad_file_is_refused_with_the_reason(tmp_path: Path, content: str) -> None:
    file = tmp_path / "outages.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=r"outages\.csv: .+"):
        call_command("import_outages", str(file))
    assert not Outage.objects.exists()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.csv"):
        call_command("import_outages", "nowhere.csv")
