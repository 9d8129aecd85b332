"""Callers by API key."""

import logging
from datetime import datetime

from accounts import queries, services
from accounts.policy import USED_EVERY, CredentialsInvalid
from core.actors import Actor

log = logging.getLogger(__name__)


def actor_of_key(key: str, *, address: str, at: datetime) -> Actor:
    """The owner of a key, cut down to its scopes. Why one is refused, only the log says.

    Raises: CredentialsInvalid.
    """
    caller = queries.actor_of_key(key, at=at, address=address)
    if caller.actor is None or caller.key_id is None:
        extra = {"outcome": caller.outcome, "key": str(caller.key_id or "")}
        log.warning("api_key_refused", extra=extra)
        raise CredentialsInvalid
    if caller.last_used_at is None or at - caller.last_used_at > USED_EVERY:
        services.see_api_key(caller.key_id, at=at)
    return caller.actor
