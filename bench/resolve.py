"""Resolving outages over HTTP, with SLA result, payment and webhooks, against one bare INSERT."""

from django.utils import timezone

from bench import seeds
from bench.create import bare
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

ROWS = 40_000  # half of them history: plans for empty tables would be none for used ones


def subscribe() -> None:
    """Let one receiver ask for everything; nothing is sent, because no worker runs."""
    from core.actors import system  # noqa: PLC0415 - Django is set up by now
    from webhooks import services as webhooks  # noqa: PLC0415

    webhooks.create_subscription(
        webhooks.Terms(
            url="https://receiver.example/events", patterns=["outage.*", "sla.*", "payment.*"]
        ),
        actor=system("webhooks"),
        at=timezone.now(),
    )


def product(number: int) -> Call:
    return Call("POST", f"/api/v1/outages/SEED-{number + 1}/resolve", b"{}")


def main() -> None:
    chosen = options(__doc__, rows=ROWS)
    still_open = chosen.rows // 2
    with database():
        token = engineer()
        subscribe()
        seeds.sites()
        seeds.outages(chosen.rows, is_open=f"n <= {still_open}", every_seconds=0)
        seeds.history()
        sql("CREATE TABLE bench_outage (LIKE outages_outage INCLUDING ALL)")
        settle(*seeds.TABLES)
        with (
            serving("django.core.wsgi:get_wsgi_application()", BARE) as bare_port,
            serving("config.wsgi", PRODUCT) as product_port,
        ):
            inserting = Crowd(bare_port, bare)
            resolving = Crowd(product_port, product, token=token, most=still_open)
            compare(
                "resolve",
                {
                    "bare view, one INSERT": lambda: inserting.turn(chosen.seconds),
                    "resolve an outage": lambda: resolving.turn(chosen.seconds),
                },
                [
                    Goal(
                        "of the bare view",
                        lambda turns: (
                            turns["resolve an outage"].rate / turns["bare view, one INSERT"].rate
                        ),
                        least=0.2,
                    )
                ],
                rounds=chosen.rounds,
            )


if __name__ == "__main__":
    main()
