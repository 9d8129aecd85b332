"""Settings with which production starts, and the secrets that no output may hold."""

SECRETS = {
    "SECRET_KEY": "s3cret-key-" + "k" * 50,
    "JWT_SECRET_KEY": "s3cret-jwt-" + "j" * 32,
    "DATABASE_URL": "postgres://nociq:s3cret-database@db.example.com:5432/nociq",
    "REDIS_URL": "rediss://:s3cret-redis@redis.example.com:6379/0",
    "VAULT_KEYS": "1:czNjcmV0LXZhdWx0LWtleS0wMTIzNDU2Nzg5MDEyMzQ=",
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    **SECRETS,
    "ALLOWED_HOSTS": "noc.example.com",
    "PUBLIC_URL": "https://noc.example.com",
    "ALLOWED_ORIGINS": "https://noc.example.com",
    "ADMIN_PATH": "desk/",
    "STELLAR_NETWORK": "testnet",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in PRODUCTION.items() if name not in names}
