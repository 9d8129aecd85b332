"""Find a PostgreSQL and a Redis on their standard local ports, for the second run of .ci/run.

Prints shell assignments of DATABASE_URL and REDIS_URL with a database of its own, and with --drop
removes that database and those that the tests made beside it. Exit code 1 and one sentence when
there is nothing to use.
"""

import getpass
import os
import shlex
import sys

import psycopg
import redis
from psycopg import sql

REDIS_URL = "redis://127.0.0.1:6379/9"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--drop"]:
        drop(arguments[1])
        return 0
    try:
        with redis.from_url(REDIS_URL, socket_connect_timeout=3) as client:
            redis_version = client.info("server")["redis_version"]
    except redis.RedisError as error:
        print(f"no Redis that lets us in on 127.0.0.1:6379 ({error})")
        return 1
    for user in dict.fromkeys([getpass.getuser(), "postgres", "root"]):
        address = f"postgres://{user}@127.0.0.1:5432/"
        try:
            with psycopg.connect(
                f"{address}postgres", autocommit=True, connect_timeout=3
            ) as server:
                may = server.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
                ).fetchone()
                if may != (True,):
                    continue
                name = f"nociq_ci_{os.getpid()}"
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                version = server.info.parameter_status("server_version") or "?"
        except psycopg.OperationalError:
            continue
        for variable, value in {
            "DATABASE_URL": f"{address}{name}",
            "REDIS_URL": REDIS_URL,
            "POSTGRES_VERSION": version.split()[0],
            "REDIS_VERSION": str(redis_version),
        }.items():
            print(f"{variable}={shlex.quote(value)}")
        return 0
    print("no PostgreSQL that lets us in and make a database on 127.0.0.1:5432")
    return 1


def drop(address: str) -> None:
    """Drop the database of that address and the test databases named after it."""
    server_address, _, name = address.rpartition("/")
    with psycopg.connect(f"{server_address}/postgres", autocommit=True) as server:
        found = server.execute(
            "SELECT datname FROM pg_database WHERE datname = %(name)s"
            " OR datname = 'test_' || %(name)s OR datname LIKE 'test\\_' || %(name)s || '\\_gw%%'",
            {"name": name},
        ).fetchall()
        for (database,) in found:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            server.execute(statement.format(sql.Identifier(database)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
