"""Places in a process, and what a client of a stream is told."""

import asyncio
from collections.abc import Iterator

import pytest

from core import streams
from core.streams import COMMENT, Places, Stream, StreamFull, StreamsUnavailable
from tests.contracts.web import at_once


@pytest.fixture
def places() -> Places:
    made = Places()
    made.open(20)
    return made


def take(places: Places, owner: str = "usr_1", room: str = "a", most: int = 10) -> Stream:
    return places.take(room, owner=owner, key=owner, most=most)


def heard(stream: Stream) -> bytes:
    """All frames of a stream that has ended."""

    async def listen() -> bytes:
        return b"".join([frame async for frame in stream])

    return asyncio.run(asyncio.wait_for(listen(), 5))


def test_a_frame_is_spelled_with_line_feeds_only() -> None:
    assert streams.frame("bell", b'{"a":1}') == b'event: bell\ndata: {"a":1}\n\n'


def test_a_stream_begins_with_a_comment_and_ends_with_its_last_frame(places: Places) -> None:
    stream = take(places)
    stream.tell(b"one\n\n")
    stream.end(b"two\n\n")
    stream.tell(b"three\n\n")
    stream.end(b"four\n\n")
    assert heard(stream) == COMMENT + b"one\n\ntwo\n\n"


def test_comments_do_not_pile_up_for_a_client_that_takes_nothing(places: Places) -> None:
    stream = take(places)
    for _ in range(100):
        stream.keep_alive()
    stream.end()
    assert heard(stream) == COMMENT


def test_a_process_that_serves_no_streams_says_so() -> None:
    with pytest.raises(StreamsUnavailable):
        take(Places())


def test_one_person_has_so_many_in_a_room_and_others_have_theirs(places: Places) -> None:
    for _ in range(3):
        take(places, most=3)
    with pytest.raises(StreamFull):
        take(places, most=3)
    take(places, most=3, room="b")
    take(places, most=3, owner="usr_2")
    assert len(places.streams("a")) == 4
    assert len(places.streams()) == 5


def test_who_leaves_makes_room_once(places: Places) -> None:
    stream = take(places, most=1)
    places.leave(stream)
    places.leave(stream)
    take(places, most=1)
    assert len(places.streams()) == 1


def test_who_drains_ends_all_and_lets_nobody_in(places: Places) -> None:
    stream = take(places)
    places.drain()
    assert heard(stream) == COMMENT
    with pytest.raises(StreamsUnavailable):
        take(places)


def test_twenty_places_are_taken_by_twenty_of_forty(places: Places) -> None:
    def arrive(number: int) -> bool:
        try:
            take(places, owner=f"usr_{number}")
        except StreamFull:
            return False
        return True

    assert sum(at_once(40, arrive)) == 20
    assert len(places.streams()) == 20


@pytest.fixture
def here() -> Iterator[Places]:
    streams.here.open(5)
    yield streams.here
    streams.here.drain()
    for stream in streams.here.streams():
        streams.here.leave(stream)


def test_the_beat_reaches_all_and_a_notice_none(here: Places) -> None:
    ones = [take(here), take(here, room="b")]
    for stream in ones:
        stream._frames.clear()
    asyncio.run(streams.keep_alive(False))
    assert [len(stream._frames) for stream in ones] == [0, 0]
    asyncio.run(streams.keep_alive(True))
    assert [list(stream._frames) for stream in ones] == [[COMMENT], [COMMENT]]
