"""Moves, waits, and what makes two uploads the same."""

import hashlib

import pytest

from jobs.choices import FINISHED, Status
from jobs.policy import files, moves


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 320), (7, 600), (8, 600)],
)
def test_the_wait_doubles_give_or_take_a_fifth(attempt: int, seconds: int) -> None:
    assert moves.delay_after(attempt, 0.5).total_seconds() == pytest.approx(seconds)
    assert moves.delay_after(attempt, 0.0).total_seconds() == pytest.approx(seconds * 0.8)
    assert moves.delay_after(attempt, 1.0).total_seconds() == pytest.approx(seconds * 1.2)


def test_nothing_moves_out_of_success() -> None:
    assert moves.TRANSITIONS[Status.SUCCESS] == {}
    assert set(moves.TRANSITIONS) == set(Status)
    reached = {to for verbs in moves.TRANSITIONS.values() for to in verbs.values()}
    assert reached == set(Status)
    assert FINISHED.isdisjoint(
        to for state in (Status.FAILURE, Status.REVOKED) for to in moves.TRANSITIONS[state].values()
    )


def test_the_key_of_an_upload_is_the_hash_of_three_things() -> None:
    sha256 = hashlib.sha256(b"site_code,period_start\n").hexdigest()
    assert sha256 == "d87709f467261f670e5e87f50549eaf98121b43c0839c72bc08d7c7d7ef462f6"
    key = files.dedup_key(sha256, "import_readings", "site_01h455vb4pex5vsknk084sn02q")
    assert key == "eb7fb604ed6888d368e5de91e8f8d9e3db5232bea92279c02b2d3d536626217f"
    keys = {
        key,
        *(
            files.dedup_key(sha256, "import_readings", "site_01h455vb4pex5vsknk084sn02q", **more)
            for more in (
                {"submitter": "usr_1"},
                {"submitter": "usr_2"},
                {"submitter": "usr_1", "options": {"settlement": "hold"}},
                {"submitter": "usr_1", "options": {"settlement": "normal"}},
            )
        ),
    }
    assert len(keys) == 5


def test_an_import_is_named_after_what_it_loads() -> None:
    assert moves.target_of("import_outages") == "outages"
    assert moves.target_of("build_report") is None
    assert moves.import_of("outages") == "import_outages"
