from config.celery import (
    BEAT_SCHEDULE,
    CORRELATION_HEADER,
    QUEUES,
    _carry_correlation,
    app,
)
from core import correlation


@app.task(name="tests.tell_correlation")
def tell_correlation() -> str:
    return f"{correlation.source()} {correlation.current()}"


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(app.tasks)


def test_every_task_of_ours_says_its_name_and_survives_its_worker() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert all(task.acks_late and task.reject_on_worker_lost for task in ours.values())
    assert all(name.count(".") == 1 for name in ours)


def test_a_task_runs_under_the_id_of_who_asked() -> None:
    headers: dict[str, str] = {}
    with correlation.use("asked-for-1", "api"):
        _carry_correlation(headers=headers)
    assert tell_correlation.apply(headers=headers).get() == "task asked-for-1"
    assert headers[CORRELATION_HEADER] == "asked-for-1"


def test_an_eager_task_keeps_the_id_of_its_caller() -> None:
    with correlation.use("asked-for-2", "api"):
        assert tell_correlation.apply().get() == "task asked-for-2"
        assert correlation.source() == "api"


def test_a_task_that_is_not_taken_in_time_is_dropped() -> None:
    assert all(entry["options"]["expire_seconds"] for entry in BEAT_SCHEDULE.values())


def test_a_lost_task_is_given_out_again_only_after_the_longest_may_have_ended() -> None:
    assert app.conf.broker_transport_options["visibility_timeout"] > app.conf.task_time_limit


def test_a_queue_gets_only_what_is_meant_for_it() -> None:
    keys = {queue.name: queue.routing_key for queue in app.conf.task_queues}
    assert keys == {name: name for name in QUEUES}
    route = app.amqp.router.route({}, "payments.drive_lane")
    assert route["queue"].name == "ledger"
    assert app.amqp.router.route({}, "core.purge")["queue"].name == "default"
