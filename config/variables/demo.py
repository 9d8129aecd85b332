"""What the demo of a copy on one's own machine is made of."""

from config.env import Group, Variable
from config.readers import text

DEMO = Group(
    "Demo (ignored outside of it)",
    (
        Variable(
            name="NOCIQ_ADMIN_EMAIL",
            read=text,
            default="admin@example.com",
            about="The first administrator that script/server makes.",
        ),
        Variable(
            name="NOCIQ_ADMIN_PASSWORD",
            read=text,
            secret=True,
            about="Their password; absent: a random one, printed once.",
        ),
        Variable(
            name="NOCIQ_ENGINEER_EMAIL",
            read=text,
            default="engineer@example.com",
            about="The engineer that script/server makes.",
        ),
        Variable(
            name="NOCIQ_ENGINEER_PASSWORD",
            read=text,
            secret=True,
            about="Their password; absent: a random one, printed once.",
        ),
        Variable(
            name="DEMO_WEBHOOK_URL",
            read=text,
            about="Where the demo's subscriber listens; absent: the demo makes none.",
        ),
        Variable(
            name="DEMO_WEBHOOK_SECRET",
            read=text,
            secret=True,
            about="The secret that the demo's subscriber verifies with.",
        ),
    ),
)
