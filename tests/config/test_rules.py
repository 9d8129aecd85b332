from pathlib import Path

import pytest

from config.env import Refused, load
from config.rules import SAMPLE_SECRET_KEY
from config.variables import VARIABLES
from config.variables.outside import ISSUERS
from core.vault import parse_keys
from tests.config.values import PRODUCTION, SECRETS, without

LOCAL = {
    "ENVIRONMENT": "local",
    "SECRET_KEY": "short",
    "DATABASE_URL": "postgres:///noc",
    "REDIS_URL": "unix:///run/redis.sock?db=0",
    "VAULT_KEYS": SECRETS["VAULT_KEYS"],
}

OIDC = {
    "OAUTH_ISSUER_URL": "https://idp.example.com/realms/noc",
    "OAUTH_CLIENT_ID": "noc-iq",
    "OAUTH_CLIENT_SECRET": "s3cret-oidc",
}
ISSUER = ("OAUTH_ISSUER_URL", "noc.E027")

# (base, what is set, the variable that is named, the rule's id)
REFUSED = [
    (PRODUCTION, {"ENVIRONMENT": "prod"}, "ENVIRONMENT", "noc.E001"),
    (without("SECRET_KEY"), {}, "SECRET_KEY", "noc.E002"),
    (PRODUCTION, {"SECRET_KEY": "s3cret" * 8}, "SECRET_KEY", "noc.E004"),
    (PRODUCTION, {"SECRET_KEY": SAMPLE_SECRET_KEY}, "SECRET_KEY", "noc.E004"),
    (PRODUCTION, {"ENVIRONMENT": "staging", "SECRET_KEY": "s3cret"}, "SECRET_KEY", "noc.E004"),
    (PRODUCTION, {"DEBUG": "true"}, "DEBUG", "noc.E005"),
    (PRODUCTION, {"API_V1_PREFIX": "api/v1"}, "API_V1_PREFIX", "noc.E006"),
    (PRODUCTION, {"API_V1_PREFIX": "/api/v1/"}, "API_V1_PREFIX", "noc.E006"),
    (PRODUCTION, {"API_V1_PREFIX": "/"}, "API_V1_PREFIX", "noc.E006"),
    (without("DATABASE_URL"), {}, "DATABASE_URL", "noc.E002"),
    (PRODUCTION, {"DATABASE_URL": "s3cret-host/name"}, "DATABASE_URL", "noc.E007"),
    (PRODUCTION, {"DATABASE_URL": "mysql://u:s3cret@h/n"}, "DATABASE_URL", "noc.E007"),
    (PRODUCTION, {"DATABASE_URL": "postgres://u:s3cret@h:port/n"}, "DATABASE_URL", "noc.E001"),
    (PRODUCTION, {"DATABASE_URL": "postgres://u:s3cret@h"}, "DATABASE_URL", "noc.E001"),
    (PRODUCTION, {"DATABASE_DIRECT_URL": "sqlite:///n"}, "DATABASE_DIRECT_URL", "noc.E007"),
    (without("REDIS_URL"), {}, "REDIS_URL", "noc.E002"),
    (PRODUCTION, {"REDIS_URL": "http://:s3cret@h"}, "REDIS_URL", "noc.E008"),
    (PRODUCTION, {"REDIS_URL": "s3cret"}, "REDIS_URL", "noc.E008"),
    (PRODUCTION, {"CELERY_BROKER_URL": ""}, "CELERY_BROKER_URL", "noc.E009"),
    (PRODUCTION, {"CELERY_BROKER_URL": "s3cret:6379"}, "CELERY_BROKER_URL", "noc.E009"),
    (PRODUCTION, {"CELERY_RESULT_BACKEND": "s3cret"}, "CELERY_RESULT_BACKEND", "noc.E009"),
    (PRODUCTION, {"CELERY_TASK_ALWAYS_EAGER": "1"}, "CELERY_TASK_ALWAYS_EAGER", "noc.E010"),
    (without("ALLOWED_HOSTS"), {}, "ALLOWED_HOSTS", "noc.E011"),
    (PRODUCTION, {"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS", "noc.E011"),
    (PRODUCTION, {"ALLOWED_HOSTS": "noc.example.com,*"}, "ALLOWED_HOSTS", "noc.E011"),
    (without("PUBLIC_URL"), {}, "PUBLIC_URL", "noc.E012"),
    (PRODUCTION, {"PUBLIC_URL": "noc.example.com"}, "PUBLIC_URL", "noc.E012"),
    (PRODUCTION, {"PUBLIC_URL": "http://noc.example.com"}, "PUBLIC_URL", "noc.E012"),
    (PRODUCTION, {"ALLOWED_ORIGINS": "https://*.example.com"}, "ALLOWED_ORIGINS", "noc.E013"),
    (PRODUCTION, {"ALLOWED_ORIGINS": "https://a.example.com/x"}, "ALLOWED_ORIGINS", "noc.E013"),
    (PRODUCTION, {"ALLOWED_ORIGINS": '["ftp://a.example.com"]'}, "ALLOWED_ORIGINS", "noc.E013"),
    (PRODUCTION, {"ALLOWED_ORIGINS": "http://a.example.com"}, "ALLOWED_ORIGINS", "noc.E013"),
    (PRODUCTION, {"ALLOWED_ORIGINS": "http://[bad"}, "ALLOWED_ORIGINS", "noc.E013"),
    (PRODUCTION, {"TRUSTED_PROXY_COUNT": "-1"}, "TRUSTED_PROXY_COUNT", "noc.E014"),
    (PRODUCTION, {"TRUSTED_PROXY_COUNT": "one"}, "TRUSTED_PROXY_COUNT", "noc.E001"),
    (PRODUCTION, {"JWT_SECRET_KEY": "s3cret" * 5}, "JWT_SECRET_KEY", "noc.E015"),
    (PRODUCTION, {"ACCESS_TOKEN_EXPIRE_MINUTES": "61"}, "ACCESS_TOKEN_EXPIRE_MINUTES", "noc.E014"),
    (PRODUCTION, {"REFRESH_TOKEN_EXPIRE_DAYS": "0"}, "REFRESH_TOKEN_EXPIRE_DAYS", "noc.E014"),
    (PRODUCTION, {"REFRESH_GRACE_SECONDS": "31"}, "REFRESH_GRACE_SECONDS", "noc.E014"),
    (PRODUCTION, {"AUTH_COOKIE_ACCESS_NAME": "a b"}, "AUTH_COOKIE_ACCESS_NAME", "noc.E016"),
    (PRODUCTION, {"AUTH_COOKIE_ACCESS_NAME": "apex_csrf"}, "AUTH_COOKIE_ACCESS_NAME", "noc.E016"),
    (
        PRODUCTION,
        {"AUTH_COOKIE_REFRESH_NAME": "noc_access_token"},
        "AUTH_COOKIE_REFRESH_NAME",
        "noc.E016",
    ),
    (LOCAL, {"AUTH_COOKIE_SAMESITE": "None"}, "AUTH_COOKIE_SAMESITE", "noc.E017"),
    (PRODUCTION, {"AUTH_COOKIE_SAMESITE": "lenient"}, "AUTH_COOKIE_SAMESITE", "noc.E001"),
    (PRODUCTION, {"REGISTRATION_POLICY": "open"}, "REGISTRATION_POLICY", "noc.E018"),
    (PRODUCTION, {"REGISTRATION_ROLE": "manager"}, "REGISTRATION_ROLE", "noc.E018"),
    (PRODUCTION, {"MFA_REQUIRED_ROLES": "manager,boss"}, "MFA_REQUIRED_ROLES", "noc.E019"),
    (PRODUCTION, {"PASSWORD_BREACH_CHECK": "maybe"}, "PASSWORD_BREACH_CHECK", "noc.E001"),
    (PRODUCTION, {"ADMIN_PATH": "/admin"}, "ADMIN_PATH", "noc.E020"),
    (PRODUCTION, {"ADMIN_ALLOWED_NETWORKS": "10.0.0.1/8"}, "ADMIN_ALLOWED_NETWORKS", "noc.E001"),
    (PRODUCTION, {"EGRESS_ALLOWED_NETWORKS": "127.0.0.1"}, "EGRESS_ALLOWED_NETWORKS", "noc.E021"),
    (PRODUCTION, {"EGRESS_ALLOWED_NETWORKS": "::1"}, "EGRESS_ALLOWED_NETWORKS", "noc.E021"),
    (PRODUCTION, {"EGRESS_ALLOWED_NETWORKS": "0.0.0.0/0"}, "EGRESS_ALLOWED_NETWORKS", "noc.E021"),
    (
        PRODUCTION | {"ENVIRONMENT": "staging"},
        {"EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8"},
        "EGRESS_ALLOWED_NETWORKS",
        "noc.E021",
    ),
    (LOCAL, {"EGRESS_ALLOWED_NETWORKS": "169.254.169.254"}, "EGRESS_ALLOWED_NETWORKS", "noc.E021"),
    (LOCAL, {"EGRESS_ALLOWED_NETWORKS": "fe80::/64"}, "EGRESS_ALLOWED_NETWORKS", "noc.E021"),
    (without("VAULT_KEYS"), {}, "VAULT_KEYS", "noc.E002"),
    (PRODUCTION, {"VAULT_KEYS": "1:czNjcmV0"}, "VAULT_KEYS", "noc.E022"),
    (PRODUCTION, {"VAULT_KEYS": "s3cret"}, "VAULT_KEYS", "noc.E022"),
    (PRODUCTION, {"EGRESS_PORTS": ""}, "EGRESS_PORTS", "noc.E023"),
    (PRODUCTION, {"EGRESS_PORTS": "443,70000"}, "EGRESS_PORTS", "noc.E023"),
    (PRODUCTION | OIDC, {"OAUTH_CLIENT_SECRET": ""}, "OAUTH_CLIENT_SECRET", "noc.E026"),
    (PRODUCTION | OIDC, {"OAUTH_CLIENT_ID": ""}, "OAUTH_CLIENT_ID", "noc.E026"),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": ""}, "OAUTH_ISSUER_URL", "noc.E026"),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": "http://idp.example.com"}, *ISSUER),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": "idp.example.com"}, *ISSUER),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": "https://u:p@idp.example.com"}, *ISSUER),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": "https://idp.example.com?x=1"}, *ISSUER),
    (PRODUCTION | OIDC, {"OAUTH_ISSUER_URL": "https://idp.example.com:x"}, *ISSUER),
    (
        PRODUCTION | OIDC | {"ENVIRONMENT": "staging"},
        {"OAUTH_ISSUER_URL": "http://idp.example.com"},
        *ISSUER,
    ),
    (PRODUCTION, {"OAUTH_PROVIDER_ID": "Corp"}, "OAUTH_PROVIDER_ID", "noc.E027"),
    (PRODUCTION, {"OAUTH_SCOPES": "email profile"}, "OAUTH_SCOPES", "noc.E027"),
    (PRODUCTION, {"OAUTH_SCOPES": 'openid "x'}, "OAUTH_SCOPES", "noc.E027"),
    (PRODUCTION, {"OAUTH_GRANT_TTL_HOURS": "0"}, "OAUTH_GRANT_TTL_HOURS", "noc.E014"),
    (PRODUCTION, {"OAUTH_DEFAULT_ROLE": "manager"}, "OAUTH_DEFAULT_ROLE", "noc.E018"),
    (PRODUCTION, {"OAUTH_DEFAULT_ROLE": "boss"}, "OAUTH_DEFAULT_ROLE", "noc.E001"),
    (PRODUCTION, {"OAUTH_LINK_BY_EMAIL": "maybe"}, "OAUTH_LINK_BY_EMAIL", "noc.E001"),
    (PRODUCTION, {"OAUTH_ALLOWED_ALGS": "RS256 HS256"}, "OAUTH_ALLOWED_ALGS", "noc.E028"),
    (PRODUCTION, {"OAUTH_ALLOWED_ALGS": "none"}, "OAUTH_ALLOWED_ALGS", "noc.E028"),
    (without("STELLAR_NETWORK"), {}, "STELLAR_NETWORK", "noc.E002"),
    (PRODUCTION, {"STELLAR_NETWORK": "sandbox"}, "STELLAR_NETWORK", "noc.E024"),
    (PRODUCTION, {"STELLAR_NETWORK": "bitcoin"}, "STELLAR_NETWORK", "noc.E001"),
    (PRODUCTION, {"PAYMENT_ASSET_CODE": "TOO-LONG-CODE"}, "PAYMENT_ASSET_CODE", "noc.E025"),
    (PRODUCTION, {"PAYMENT_ASSET_ISSUER": "GABC"}, "PAYMENT_ASSET_ISSUER", "noc.E025"),
    (PRODUCTION, {"STELLAR_NETWORK": "futurenet"}, "PAYMENT_ASSET_ISSUER", "noc.E025"),
    (PRODUCTION, {"WEBHOOK_SECRET_GRACE_HOURS": "169"}, "WEBHOOK_SECRET_GRACE_HOURS", "noc.E014"),
    (PRODUCTION, {"LOG_LEVEL": "loud"}, "LOG_LEVEL", "noc.E001"),
    (PRODUCTION, {"LOG_FORMAT": "xml"}, "LOG_FORMAT", "noc.E001"),
]
POSITIVE = [
    "MAX_REQUEST_BODY_SIZE_BYTES",
    "MAX_FILE_UPLOAD_SIZE_BYTES",
    "INGEST_MAX_BODY_BYTES",
    "IMPORT_MAX_BYTES",
    "IMPORT_MAX_ROWS",
    "RATE_LIMIT_USER_RPM",
    "RATE_LIMIT_RPM",
    "INGEST_RATE_LIMIT_RPM",
    "RATE_LIMIT_ANON_RPM",
    "RATE_LIMIT_HEAVY_RPM",
    "IDEMPOTENCY_KEY_TTL_HOURS",
    "AUTH_RATE_LIMIT_REQUESTS",
    "AUTH_RATE_LIMIT_WINDOW_SECONDS",
    "WEBHOOK_BREAKER_FAIL_THRESHOLD",
    "WEBHOOK_BREAKER_RESET_SECONDS",
    "WEBHOOK_DISABLE_AFTER_HOURS",
    "WEBHOOK_SLOTS",
    "WEBHOOK_RETENTION_DAYS",
    "PAYMENT_COLLECTION_DUE_DAYS",
    "SHUTDOWN_GRACE_SECONDS",
]
REFUSED += [(PRODUCTION, {name: "0"}, name, "noc.E014") for name in POSITIVE]


@pytest.mark.parametrize(
    ("base", "given", "name", "rule"),
    REFUSED,
    ids=[f"{name}-{'-'.join(given.values()) or 'absent'}"[:60] for _, given, name, _ in REFUSED],
)
def test_it_refuses_and_says_what_where_and_how_without_secrets(
    base: dict[str, str], given: dict[str, str], name: str, rule: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused) as refused:
        load(VARIABLES, base | given, tmp_path)
    (fault,) = refused.value.faults
    assert (fault.id, fault.name) == (rule, name)
    assert fault.wrong.endswith(".")
    assert fault.rule
    assert fault.hint
    assert "s3cret" not in str(refused.value)
    assert "czNjcmV0" not in str(refused.value)
    assert "\n" not in str(fault)


def test_all_faults_are_named_at_once_in_the_order_of_the_table(tmp_path: Path) -> None:
    wrong = {
        "DEBUG": "true",
        "SECRET_KEY": "s3cret",
        "VAULT_KEYS": "s3cret",
        "LOG_LEVEL": "loud",
        "EGRESS_PORTS": "web",
        "ALLOWED_HOSTS": "*",
        **dict.fromkeys(POSITIVE, "0"),
    }
    with pytest.raises(Refused) as refused:
        load(VARIABLES, PRODUCTION | wrong, tmp_path)
    assert [fault.name for fault in refused.value.faults] == [
        variable.name for variable in VARIABLES if variable.name in wrong
    ]


ALLOWED = [
    (LOCAL, {}),
    (LOCAL, {"EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32,::1,10.0.0.0/8"}),
    (LOCAL, {"DEBUG": "true", "REGISTRATION_POLICY": "open", "REGISTRATION_ROLE": "engineer"}),
    ({"ENVIRONMENT": "test"}, {"EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8,169.254.0.0/16"}),
    (PRODUCTION, {}),
    (PRODUCTION, {"ALLOWED_ORIGINS": ""}),
    (PRODUCTION | OIDC, {"OAUTH_SCOPES": "openid,email", "OAUTH_DEFAULT_ROLE": "viewer"}),
    (LOCAL, OIDC | {"OAUTH_ISSUER_URL": "http://127.0.0.1:8080/realms/noc"}),
    (PRODUCTION, {"EGRESS_ALLOWED_NETWORKS": "10.20.0.0/16"}),
    (PRODUCTION, {"AUTH_COOKIE_SAMESITE": "none", "WEBHOOK_SECRET_GRACE_HOURS": "0"}),
    (PRODUCTION | {"ENVIRONMENT": "staging"}, {"STELLAR_NETWORK": "sandbox"}),
    (LOCAL, {"CELERY_TASK_ALWAYS_EAGER": "true", "CELERY_BROKER_URL": ""}),
]


@pytest.mark.parametrize(("base", "given"), ALLOWED)
def test_what_the_rules_permit_starts(
    base: dict[str, str], given: dict[str, str], tmp_path: Path
) -> None:
    assert load(VARIABLES, base | given, tmp_path)


@pytest.mark.parametrize("network", ["mainnet", "testnet", "sandbox"])
def test_the_issuer_follows_the_network(network: str, tmp_path: Path) -> None:
    loaded = load(VARIABLES, LOCAL | {"STELLAR_NETWORK": network}, tmp_path)
    assert loaded["PAYMENT_ASSET_ISSUER"] == ISSUERS[network]


def test_the_sandbox_issuer_is_the_account_of_its_published_seed() -> None:
    from hashlib import sha256

    from stellar_sdk import Keypair

    pair = Keypair.from_raw_ed25519_seed(sha256(b"noc-iq sandbox issuer").digest())
    assert pair.public_key == ISSUERS["sandbox"]


def test_the_vault_opens_with_the_keys_of_the_tests(tmp_path: Path) -> None:
    assert parse_keys(load(VARIABLES, {"ENVIRONMENT": "test"}, tmp_path)["VAULT_KEYS"])


def test_a_token_key_of_its_own_is_not_needed(tmp_path: Path) -> None:
    one = load(VARIABLES, without("JWT_SECRET_KEY"), tmp_path)
    other = load(VARIABLES, without("JWT_SECRET_KEY") | {"SECRET_KEY": "another" * 10}, tmp_path)
    assert len(one["JWT_SECRET_KEY"]) >= 32
    assert one["JWT_SECRET_KEY"] != other["JWT_SECRET_KEY"]
    assert one["SECRET_KEY"] not in one["JWT_SECRET_KEY"]
