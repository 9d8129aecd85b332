import pytest

from accounts import hashers
from core.errors import Busy


def test_a_fifth_hash_waits_and_then_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.01)
    hasher = hashers.Argon2id()
    encoded = hasher.encode("plain horse", "a" * 16)
    taken = [hashers._slots.acquire() for _ in range(hashers.AT_ONCE)]
    try:
        with pytest.raises(Busy):
            hasher.verify("plain horse", encoded)
    finally:
        for _ in taken:
            hashers._slots.release()
    assert hasher.verify("plain horse", encoded)
    assert not hasher.verify("plain house", encoded)
