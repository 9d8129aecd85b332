"""The process itself, and the servers it talks to."""

import tomllib
from pathlib import Path

from config import rules
from config.env import ENVIRONMENTS, Group, Values, Variable
from config.readers import boolean, database_url, text, word
from config.variables.numbers import number

ROOT = Path(__file__).resolve().parents[2]

LOCALLY_MADE = "In local run script/server, which makes it (var/local.env); elsewhere set it."
EVERYWHERE_BUT_TEST = frozenset(ENVIRONMENTS) - {"test"}


def _project_version(_: Values) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version: str = project["project"]["version"]
    return version


PROCESS = Group(
    "Process",
    (
        Variable(
            name="ENVIRONMENT",
            read=word(*ENVIRONMENTS, development="local"),
            default="local",
            about="What this installation is for: local, test, staging or production "
            "(development is read as local).",
        ),
        Variable(
            name="SECRET_KEY",
            read=text,
            defaults={"test": "only-for-tests-" + "0123456789" * 5},
            required=EVERYWHERE_BUT_TEST,
            hint=f"{LOCALLY_MADE} Make one: {rules.MAKE_SECRET}",
            secret=True,
            rules=(rules.SECRET_KEY,),
            about="Signs sessions, password reset links and, unless JWT_SECRET_KEY is set, "
            "access tokens.",
        ),
        Variable(
            name="DEBUG",
            read=boolean,
            default="false",
            rules=(rules.NO_DEBUG,),
            about="Error pages with source code and values. For one's own machine only.",
        ),
        Variable(
            name="VERSION",
            read=text,
            derive=_project_version,
            derived="the version in pyproject.toml",
            about="Sent as X-API-Version on every answer.",
        ),
        Variable(
            name="GIT_COMMIT_SHA",
            read=text,
            default="unknown",
            about="Sent as X-API-Commit on every answer.",
        ),
        Variable(
            name="LOG_LEVEL",
            read=word("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
            default="INFO",
            about="The least level that is logged.",
        ),
        Variable(
            name="LOG_FORMAT",
            read=word("json", "plain"),
            default="plain",
            defaults={"staging": "json", "production": "json"},
            about="json: one object per line, for machines; plain: for a terminal.",
        ),
        number(
            "SHUTDOWN_GRACE_SECONDS",
            30,
            "How long running requests may take to end after SIGTERM.",
        ),
    ),
)

STREAMS = Group(
    "Streams",
    (
        number("STREAM_LIMIT", 500, "Most clients that one stream process serves."),
        number(
            "STREAM_HEARTBEAT_SECONDS",
            15,
            "How often each stream gets a comment, and all sessions are looked at: a notice that "
            "got lost costs no more.",
        ),
        Variable(
            name="STREAM_SOCKET",
            read=text,
            about="Where the web process hands over clients of streams that came to its own port: "
            "the path of a UNIX socket, made by the stream process. script/server sets it for "
            "both; behind a proxy that routes the paths of streams it is not needed.",
        ),
    ),
)

SERVERS = Group(
    "Servers",
    (
        Variable(
            name="DATABASE_URL",
            read=database_url,
            defaults={"test": "postgres://postgres@127.0.0.1:5432/nociq"},
            required=EVERYWHERE_BUT_TEST,
            hint="In local run script/server, which starts a PostgreSQL; elsewhere set "
            "postgres://user:password@host:5432/name.",
            secret=True,
            rules=(rules.DATABASE_SCHEME,),
            about="PostgreSQL 15 or newer. A socket directory may be the host: "
            "postgres://user@%2Frun%2Fpostgresql/name.",
        ),
        Variable(
            name="DATABASE_DIRECT_URL",
            read=database_url,
            secret=True,
            rules=(rules.DATABASE_SCHEME,),
            about="The same database without a connection pooler in between; management "
            "commands (migrations) use it when it is set.",
        ),
        Variable(
            name="DATABASE_LISTEN_URL",
            read=database_url,
            secret=True,
            rules=(rules.DATABASE_SCHEME,),
            about="Where the stream process listens: the same database, again without a pooler. "
            "Unset: DATABASE_DIRECT_URL, else DATABASE_URL.",
        ),
        number(
            "DB_POOL_SIZE",
            10,
            "Most connections that the stream process opens; web and workers keep one a thread.",
        ),
        Variable(
            name="REDIS_URL",
            read=text,
            defaults={"test": "redis://127.0.0.1:6379/15"},
            required=EVERYWHERE_BUT_TEST,
            hint="In local run script/server, which starts one; elsewhere set redis://host:6379/0.",
            secret=True,
            rules=(rules.REDIS_SCHEME,),
            about="Redis 7 or Valkey: cache, rate limits and, unless set apart, the broker.",
        ),
        Variable(
            name="CELERY_TASK_ALWAYS_EAGER",
            read=boolean,
            default="false",
            rules=(rules.NOT_EAGER,),
            about="Runs background tasks inside the caller, without a broker.",
        ),
        Variable(
            name="CELERY_BROKER_URL",
            read=text,
            derive=lambda values: values["REDIS_URL"],
            derived="REDIS_URL",
            secret=True,
            empty_is_unset=False,
            rules=(rules.BROKER,),
            about="Where tasks wait. Rows are the queue; losing the broker only delays work.",
        ),
        Variable(
            name="CELERY_RESULT_BACKEND",
            read=text,
            derive=lambda values: values["REDIS_URL"],
            derived="REDIS_URL",
            secret=True,
            empty_is_unset=False,
            rules=(rules.BROKER,),
            about="Where the answers of tasks are kept that somebody asks for.",
        ),
    ),
)
