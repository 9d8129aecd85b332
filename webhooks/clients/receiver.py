"""The receiver of a subscription: one signed POST, whatever comes back told as an Answer."""

from datetime import datetime

from core import egress, redaction, signing
from webhooks.choices import Outcome
from webhooks.policy.attempts import Answer
from webhooks.policy.envelope import STANDARD, USER_AGENT, Parcel

KEPT_CHARACTERS = 4096
KEPT_OF_ERRORS = 500


async def send(session: egress.Session, parcel: Parcel, at: datetime) -> Answer:
    """Sign and POST one delivery; ``at`` is the time that is signed. Raises nothing of its own."""
    if not parcel.keys:
        return Answer(failure=Outcome.UNSENDABLE, error="The secret or a header does not open.")
    try:
        reply = await session.post(
            parcel.url, parcel.body, headers_for(parcel, at), parcel.timeout_s
        )
    except egress.EgressError as error:
        said = str(error).encode("utf-8", "replace")  # a stranger's words, perhaps
        return Answer(
            failure=Outcome(error.outcome), error=redaction.readable(said, KEPT_OF_ERRORS)
        )
    return Answer(
        status=reply.status,
        retry_after=reply.retry_after,
        response=redaction.readable(reply.body, KEPT_CHARACTERS),
        remote_ip=reply.remote_ip,
        latency_ms=reply.latency_ms,
        error="" if 200 <= reply.status <= 299 else f"The receiver answered {reply.status}.",
    )


def headers_for(parcel: Parcel, at: datetime) -> dict[str, str]:
    """What is said around the body: the subscriber's headers, and ours, which win."""
    signed = signing.standard_headers
    if parcel.signature_version != STANDARD:
        signed = signing.legacy_headers
    ours = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "X-Webhook-Event": parcel.event_type,
        **signed(parcel.keys, parcel.message_id, at, parcel.body),
    }
    taken = {name.lower() for name in ours}
    return {name: value for name, value in parcel.headers if name.lower() not in taken} | ours
