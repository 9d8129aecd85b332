"""What leaves the house, and the keys of what is kept for it."""

from config import rules
from config.env import DEPLOYED, Group, Variable
from config.readers import boolean, listed, network, text, whole, word
from config.variables.numbers import number
from config.variables.process import EVERYWHERE_BUT_TEST, LOCALLY_MADE

# The account whose ed25519 seed is SHA-256 of `noc-iq sandbox issuer`: nobody's secret, on purpose.
SANDBOX_ISSUER = "GDDKW3QI2Q5EZXPXQ4C3SZVHQQMMYY3VQR2PLK2BG36UIZNRY22EEWYV"
ISSUERS = {**rules.CIRCLE_ISSUERS, "sandbox": SANDBOX_ISSUER}


EGRESS = Group(
    "Secrets at rest and ways out",
    (
        Variable(
            name="VAULT_KEYS",
            read=text,
            defaults={"test": "1:" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="},
            required=EVERYWHERE_BUT_TEST,
            hint=f"{LOCALLY_MADE} Make one: {rules.MAKE_VAULT_KEYS}",
            secret=True,
            rules=(rules.VAULT_KEYS,),
            about="Master keys of stored secrets, as n:base64 of 32 bytes, separated by commas.",
        ),
        Variable(
            name="EGRESS_ALLOW_HTTP",
            read=boolean,
            default="false",
            about="Whether subscribers may be called without TLS.",
        ),
        Variable(
            name="EGRESS_PORTS",
            read=listed(whole),
            default="443,8443",
            empty_is_unset=False,
            rules=(rules.PORTS,),
            about="Ports on which subscribers may listen.",
        ),
        Variable(
            name="EGRESS_ALLOWED_NETWORKS",
            read=listed(network),
            default="",
            empty_is_unset=False,
            rules=(rules.EGRESS_NETWORKS,),
            about="Private networks in which subscribers may live, as 10.20.0.0/16.",
        ),
    ),
)

WEBHOOKS = Group(
    "Webhooks",
    (
        number(
            "WEBHOOK_SECRET_GRACE_HOURS",
            24,
            "How long the old secret still signs after a rotation.",
            rules.between(0, 168),
        ),
        number(
            "WEBHOOK_BREAKER_FAIL_THRESHOLD",
            10,
            "Failures in a row after which a host is left alone.",
        ),
        number("WEBHOOK_BREAKER_RESET_SECONDS", 600, "For how long it is left alone."),
        number(
            "WEBHOOK_DISABLE_AFTER_HOURS",
            120,
            "A subscription that failed for so long is switched off.",
        ),
        number("WEBHOOK_SLOTS", 200, "Calls that one sending process has under way at once."),
        number("WEBHOOK_RETENTION_DAYS", 90, "How long deliveries are kept after their end."),
    ),
)

PAYMENTS = Group(
    "Payments",
    (
        Variable(
            name="STELLAR_NETWORK",
            read=word("testnet", "mainnet", "futurenet", "standalone", "sandbox"),
            defaults={"local": "sandbox", "test": "sandbox"},
            required=DEPLOYED,
            hint="Set it to testnet, mainnet, futurenet or standalone.",
            rules=(rules.LEDGER,),
            about="The ledger that payments run on; sandbox is a ledger on this machine.",
        ),
        Variable(
            name="PAYMENT_ASSET_CODE",
            read=text,
            default="USDC",
            rules=(rules.ASSET_CODE,),
            about="The asset in which penalties and rewards are paid.",
        ),
        Variable(
            name="PAYMENT_ASSET_ISSUER",
            read=text,
            derive=lambda values: ISSUERS.get(values["STELLAR_NETWORK"]),
            derived="Circle's account on mainnet and testnet, the demo's on sandbox",
            rules=(rules.ASSET_ISSUER,),
            about="The Stellar account that issues the asset.",
        ),
        number(
            "PAYMENT_COLLECTION_DUE_DAYS",
            30,
            "Days until a penalty that a counterparty owes is due.",
        ),
    ),
)
