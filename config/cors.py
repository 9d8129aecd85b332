"""The headers that web clients on other origins may send and read."""

SENT = (
    "authorization",
    "content-type",
    "x-api-key",
    "x-csrf-token",
    "x-correlation-id",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "cache-control",
    "traceparent",
    "x-requested-with",
)
READ = (
    "X-Correlation-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Retry-After",
    "Content-Disposition",
    "ETag",
    "Location",
    "Idempotency-Replayed",
    "X-Total-Count",
)
