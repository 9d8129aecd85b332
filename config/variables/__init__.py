"""The table of all settings. `.env.example` and docs/configuration.md are made from it.

A setting stands here once: its reader, its default in each environment, its rules, its meaning.
"""

from config.env import Group, Variable
from config.variables.access import ACCESS
from config.variables.demo import DEMO
from config.variables.oidc import OIDC
from config.variables.outside import EGRESS, PAYMENTS, WEBHOOKS
from config.variables.process import PROCESS, ROOT, SERVERS, STREAMS
from config.variables.web import RATE_LIMITS, WEB

__all__ = ["ROOT", "TABLE", "VARIABLES"]

TABLE: tuple[Group, ...] = (
    PROCESS,
    SERVERS,
    STREAMS,
    WEB,
    RATE_LIMITS,
    ACCESS,
    OIDC,
    EGRESS,
    WEBHOOKS,
    PAYMENTS,
    DEMO,
)

VARIABLES: tuple[Variable, ...] = tuple(variable for group in TABLE for variable in group.variables)
