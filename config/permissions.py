"""Who may do what: one row for every verb that somebody asks for.

docs/permissions.md is made of it. The verbs themselves judge, each in its first line;
tests/permissions walks every row with every role in every place, and with keys, and fails where
a verb disagrees or has no row.
"""

from dataclasses import dataclass
from typing import Literal

Where = Literal["here", "region", "everywhere", "anywhere", "own"]


@dataclass(frozen=True)
class Right:
    """What a verb takes.

    ``where`` the role must be held: ``here``, at the place of what is acted on (without a place:
    everywhere); in its ``region``; ``everywhere``; or ``anywhere``, because the verb narrows what
    it does by itself. What is one's ``own`` takes no role.
    ``key``: the scope by which an API key may; none: no key may.
    ``fresh``: it takes a proof within 15 minutes that it is you. ``oneself``: nobody does it who
    impersonates somebody.
    """

    verb: str
    least: str
    where: Where = "here"
    key: str = ""
    when: str = ""  # the case this row is about, where the verb has several
    fresh: bool = False
    oneself: bool = False


def _people(verb: str, when: str = "", *, fresh: bool = False) -> Right:
    """What administrators do to the accounts of others, in person."""
    return Right(f"accounts.{verb}", "admin", "everywhere", "", when, fresh, oneself=True)


def _own(verb: str, when: str = "", *, fresh: bool = False) -> Right:
    """What everybody does to their own account, in person."""
    return Right(f"accounts.{verb}", "", "own", "", when, fresh, oneself=True)


OUTAGES, SITES, SLA = "outages:write", "sites:write", "sla:write"
PAYMENTS, WEBHOOKS = "payments:write", "webhooks:write"

RIGHTS = (
    _own("change_profile"),
    Right("accounts.save_preferences", "", "own"),
    _own("change_password"),
    _own("reauthenticate"),
    _own("begin_2fa", fresh=True),
    _own("confirm_2fa"),
    _own("renew_backup_codes"),
    _own("disable_2fa", fresh=True),
    _own("revoke_session", "one's own"),
    _own("revoke_all_sessions", "one's own"),
    _own("create_api_key", "one's own", fresh=True),
    _own("rotate_api_key", "one's own", fresh=True),
    _own("revoke_api_key", "one's own", fresh=True),
    _own("export_own_data"),
    _own("erase_oneself"),
    _people("create_user"),
    _people("create_user", "with a role", fresh=True),
    _people("rename_user"),
    _people("disable_user"),
    _people("enable_user"),
    _people("unlock_sign_in"),
    _people("reset_2fa", fresh=True),
    _people("erase_user", fresh=True),
    _people("grant_role", fresh=True),
    _people("grant_team_role", fresh=True),
    _people("end_grant", fresh=True),
    _people("create_team"),
    _people("rename_team"),
    _people("delete_team", fresh=True),
    _people("set_members", fresh=True),
    _people("create_group_mapping", fresh=True),
    _people("change_group_mapping", fresh=True),
    _people("delete_group_mapping", fresh=True),
    _people("sync_idp_grants"),
    _people("create_service_account", fresh=True),
    _people("change_service_account", fresh=True),
    _people("revoke_session", "somebody else's"),
    _people("revoke_all_sessions", "somebody else's"),
    _people("create_api_key", "somebody else's", fresh=True),
    _people("rotate_api_key", "somebody else's", fresh=True),
    _people("revoke_api_key", "somebody else's", fresh=True),
    _people("impersonate", fresh=True),
    Right("network.create_operator", "admin", "everywhere", SITES),
    Right("network.create_region", "admin", "everywhere", SITES),
    Right("network.create_site", "manager", "region", SITES),
    Right("outages.open_outage", "operator", "here", OUTAGES),
    Right("outages.open_outage", "engineer", "here", OUTAGES, "declared minutes"),
    Right("outages.open_outage", "engineer", "here", OUTAGES, "its end backdated"),
    Right("outages.open_listed_outages", "engineer", "here", OUTAGES),
    Right("outages.edit_outage", "operator", "here", OUTAGES),
    Right("outages.edit_outage", "engineer", "here", OUTAGES, "measured time"),
    Right("outages.raise_severity", "operator", "here", OUTAGES),
    Right("outages.resolve_outage", "operator", "here", OUTAGES),
    Right("outages.resolve_outage", "engineer", "here", OUTAGES, "declared minutes"),
    Right("outages.resolve_outage", "engineer", "here", OUTAGES, "backdated"),
    Right("outages.reopen_outage", "engineer", "here", OUTAGES),
    Right("outages.delete_outage", "manager", "here", OUTAGES, "an open one"),
    Right("outages.delete_outage", "admin", "here", OUTAGES, "a resolved one"),
    Right("outages.import_outages", "engineer", "anywhere", OUTAGES),
    Right("outages.export_outages", "engineer", "anywhere", "outages:read"),
    Right("sla.assess_outage", "engineer", "here", SLA),
    Right("sla.assess_outage", "manager", "here", SLA, "switching which minutes count"),
    Right("payments.request_payment", "engineer", "here", PAYMENTS),
    Right("webhooks.create_subscription", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.update_subscription", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.delete_subscription", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.pause_subscription", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.enable_subscription", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.rotate_secret", "admin", "everywhere", WEBHOOKS),
    Right("webhooks.send_test_event", "engineer", "everywhere", WEBHOOKS),
    Right("webhooks.retry_delivery", "engineer", "everywhere", WEBHOOKS),
)

# Verbs that nobody asks for: who calls them has judged, or the product acts by itself.
INNER = {
    "accounts.end_impersonation": "the session that impersonates, of itself",
    "jobs.import_now": "the importing verb of a domain",
    "jobs.keep_ended_import": "the importing verb of a domain",
    "jobs.keep_ended_job": "the verb whose work it tells of",
    "jobs.submit_import": "the importing verb of a domain",
    "jobs.submit_job": "the verb whose work it carries",
    "network.register_site": "the verb that reports an outage at an unknown site",
    "network.register_sites": "the verb that reports outages at unknown sites",
    "outages.load_outages": "the command import_outages, and the demo",
    "outages.open_outages": "open_outage, open_listed_outages and imports",
    "payments.withdraw_payments": "the reaction to an outage reopened or deleted",
    "sla.follow_edit": "the reaction to an edited outage",
    "sla.follow_outage": "the reaction to an outage resolved, reopened or deleted",
    "sla.withdraw_result": "the reaction to an outage reopened or deleted",
    "webhooks.disable_subscription": "the sender, after 410 Gone",
}
