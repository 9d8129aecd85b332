"""Opening outages over HTTP, with audit entry and event, against one bare INSERT."""

import json
from itertools import cycle
from secrets import token_hex

from bench.harness import (
    BARE,
    PRODUCT,
    Call,
    Crowd,
    Goal,
    compare,
    database,
    engineer,
    options,
    serving,
    settle,
    sql,
)

SEVERITIES = cycle(["critical", "high", "medium", "low"])


def given(number: int) -> dict[str, object]:
    """An outage as a person reports it; no two are the same."""
    return {
        "site_name": f"Hub {number % 100}",
        "severity": next(SEVERITIES),
        "detected_at": "2026-01-05T10:00:00Z",
        "description": f"Loss of signal on ring {token_hex(8)}, both directions, since the storm.",
        "affected_services": ["DNS", "VoIP"],
    }


def bare(number: int) -> Call:
    return Call("POST", "/insert", json.dumps(given(number)).encode(), 201)


def product(number: int) -> Call:
    return Call("POST", "/api/v1/outages", json.dumps(given(number)).encode(), 201)


def main() -> None:
    chosen = options(__doc__)
    with database():
        token = engineer()
        sql("CREATE TABLE bench_outage (LIKE outages_outage INCLUDING ALL)")
        settle()
        with (
            serving("django.core.wsgi:get_wsgi_application()", BARE) as bare_port,
            serving("config.wsgi", PRODUCT) as product_port,
        ):
            inserting = Crowd(bare_port, bare)
            opening = Crowd(product_port, product, token=token)
            compare(
                "create",
                {
                    "bare view, one INSERT": lambda: inserting.turn(chosen.seconds),
                    "open an outage": lambda: opening.turn(chosen.seconds),
                },
                [
                    Goal(
                        "of the bare view",
                        lambda turns: (
                            turns["open an outage"].rate / turns["bare view, one INSERT"].rate
                        ),
                        least=0.55,
                    )
                ],
                rounds=chosen.rounds,
            )


if __name__ == "__main__":
    main()
