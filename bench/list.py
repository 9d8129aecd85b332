"""A page of 50 outages among a million, and the last page of the walk against the first."""

from functools import partial
from uuid import UUID

from django.db import connection

from bench import seeds
from bench.harness import (
    BARE,
    PRODUCT,
    Call,
    Crowd,
    Goal,
    Turn,
    compare,
    database,
    engineer,
    options,
    serving,
    settle,
)

ROWS = 1_000_000
SIZE = 50


def deepest_cursor() -> str:
    """The cursor of the last whole page: the one the walk would have come to by then."""
    from core.pagination import filter_hash, make_cursor, spell_key  # noqa: PLC0415 - Django is up

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT detected_at, id FROM outages_outage ORDER BY detected_at, id OFFSET %s LIMIT 1",
            [SIZE],
        )
        ((detected_at, key),) = cursor.fetchall()
    assert isinstance(key, UUID)  # noqa: S101 - for the type checker
    return make_cursor(filter_hash({}), "detected_at:desc", spell_key(detected_at), str(key))


def main() -> None:
    chosen = options(__doc__, rows=ROWS)
    with database():
        token = engineer()
        print(f"list: making {chosen.rows} outages", flush=True)
        seeds.sites()
        seeds.outages(chosen.rows, is_open="n % 5 = 0", every_seconds=30)
        settle(*seeds.TABLES)
        first = f"/api/v1/outages?limit={SIZE}&cursor="
        deepest = first + deepest_cursor()
        with (
            serving("django.core.wsgi:get_wsgi_application()", BARE) as bare_port,
            serving("config.wsgi", PRODUCT) as product_port,
        ):
            bare = Crowd(bare_port, lambda _: Call("GET", f"/newest?limit={SIZE}"))
            at_first = Crowd(product_port, lambda _: Call("GET", first), token=token)
            at_last = Crowd(product_port, lambda _: Call("GET", deepest), token=token)
            compare(
                f"list of {SIZE} at {chosen.rows} rows",
                {
                    "bare view, first page": lambda: bare.turn(chosen.seconds),
                    "first page": lambda: at_first.turn(chosen.seconds),
                    "deepest page": lambda: at_last.turn(chosen.seconds),
                },
                [
                    Goal(
                        "first page, of the bare view",
                        lambda turns: (
                            turns["first page"].rate / turns["bare view, first page"].rate
                        ),
                        least=0.5,
                    ),
                    *(
                        Goal(
                            f"deepest page, times the first (p{share:.0%})".replace("%", ""),
                            partial(_depth, share),
                            most=1.5,
                        )
                        for share in (0.5, 0.99)
                    ),
                ],
                rounds=chosen.rounds,
            )


def _depth(share: float, turns: dict[str, Turn]) -> float:
    return turns["deepest page"].quantile(share) / turns["first page"].quantile(share)


if __name__ == "__main__":
    main()
