"""What the web process answers to, and how much of it."""

from config import rules
from config.env import Group, Variable
from config.readers import boolean, listed, text
from config.variables.numbers import number

MIB = 1024 * 1024

WEB = Group(
    "Web",
    (
        Variable(
            name="API_V1_PREFIX",
            read=text,
            default="/api/v1",
            rules=(rules.API_PREFIX,),
            about="The path on which the routes of the API are mounted.",
        ),
        Variable(
            name="ALLOWED_HOSTS",
            read=listed(),
            default="localhost,127.0.0.1",
            defaults={"production": ""},
            empty_is_unset=False,
            rules=(rules.HOSTS,),
            about="Host names that requests may name.",
        ),
        Variable(
            name="PUBLIC_URL",
            read=text,
            default="http://localhost:8000",
            rules=(rules.PUBLIC_URL,),
            about="Where people reach this service; links in messages start with it.",
        ),
        Variable(
            name="ALLOWED_ORIGINS",
            read=listed(),
            default="http://localhost:3000,http://localhost:3001",
            defaults={"production": ""},
            empty_is_unset=False,
            rules=(rules.ORIGINS,),
            about="Origins of web clients, separated by commas or as a JSON list: CORS with "
            "credentials, and the origins that CSRF checks trust.",
        ),
        number(
            "TRUSTED_PROXY_COUNT",
            0,
            "How many proxies of ours stand before this service: the client address is that many "
            "from the right of X-Forwarded-For, and X-Forwarded-Proto is believed.",
            rules.at_least(0),
        ),
        Variable(
            name="DOCS_PUBLIC",
            read=boolean,
            default="true",
            about="Whether /docs, /redoc and /openapi.json open without signing in.",
        ),
        number("MAX_REQUEST_BODY_SIZE_BYTES", 10 * MIB, "The largest JSON body."),
        number(
            "MAX_FILE_UPLOAD_SIZE_BYTES",
            10 * MIB,
            "The largest upload outside of imports.",
        ),
        number(
            "INGEST_MAX_BODY_BYTES",
            16 * MIB,
            "The largest body on the doors for machine signals.",
        ),
        number("IMPORT_MAX_BYTES", 256 * MIB, "The largest file on an import door."),
        number(
            "IMPORT_MAX_ROWS",
            1_000_000,
            "The most rows in one import; one more is refused before anything is stored.",
        ),
        number(
            "IDEMPOTENCY_KEY_TTL_HOURS",
            24,
            "How long the answer to an Idempotency-Key is kept.",
        ),
    ),
)

RATE_LIMITS = Group(
    "Rate limits (requests a minute)",
    (
        number("RATE_LIMIT_USER_RPM", 600, "One signed-in person."),
        number("RATE_LIMIT_RPM", 120, "One API key without a number of its own."),
        number("INGEST_RATE_LIMIT_RPM", 6000, "One API key on the doors for machine signals."),
        number("RATE_LIMIT_ANON_RPM", 60, "One client address that is not signed in."),
        number(
            "RATE_LIMIT_HEAVY_RPM",
            20,
            "Imports, bulk calls, exports and simulations of one caller.",
        ),
    ),
)
