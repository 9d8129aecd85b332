"""Who gets in, and for how long."""

import hashlib
import hmac

from config import rules
from config.env import Group, Values, Variable
from config.readers import boolean, listed, lower, network, text, word
from config.variables.numbers import number


def _jwt_key(values: Values) -> str:
    secret: str = values["SECRET_KEY"]
    return hmac.new(secret.encode(), b"noc-iq access tokens", hashlib.sha256).hexdigest()


ACCESS = Group(
    "Signing in",
    (
        Variable(
            name="JWT_SECRET_KEY",
            read=text,
            derive=_jwt_key,
            derived="derived from SECRET_KEY",
            secret=True,
            rules=(rules.JWT_KEY,),
            about="Signs access and refresh tokens; a new one signs everybody out.",
        ),
        number(
            "ACCESS_TOKEN_EXPIRE_MINUTES",
            15,
            "Life of an access token.",
            rules.between(1, 60),
        ),
        number(
            "REFRESH_TOKEN_EXPIRE_DAYS",
            14,
            "How long a session may rest without being used.",
            rules.between(1, 30),
        ),
        number(
            "REFRESH_GRACE_SECONDS",
            10,
            "How long the previous refresh token still brings the present pair.",
            rules.between(0, 30),
        ),
        Variable(
            name="AUTH_COOKIE_ACCESS_NAME",
            read=text,
            default="noc_access_token",
            rules=(rules.COOKIE_NAME,),
            about="Cookie with the access token.",
        ),
        Variable(
            name="AUTH_COOKIE_REFRESH_NAME",
            read=text,
            default="noc_refresh_token",
            rules=(rules.COOKIE_NAME, rules.COOKIE_NAMES_DIFFER),
            about="Cookie with the refresh token.",
        ),
        Variable(
            name="AUTH_COOKIE_SAMESITE",
            read=word("Lax", "Strict", "None"),
            default="Lax",
            rules=(rules.SAME_SITE,),
            about="SameSite of the cookies of sign-in.",
        ),
        Variable(
            name="AUTH_COOKIE_HTTPONLY",
            read=boolean,
            default="true",
            about="False lets the scripts of a page read the two cookies.",
        ),
        Variable(
            name="REGISTRATION_POLICY",
            read=word("closed", "approval", "open"),
            default="closed",
            rules=(rules.REGISTRATION_POLICY,),
            about="Who may register: nobody, people whom an administrator then lets in, anyone.",
        ),
        Variable(
            name="REGISTRATION_ROLE",
            read=word("viewer", "operator", "engineer", "manager", "admin"),
            default="viewer",
            rules=(rules.REGISTRATION_ROLE,),
            about="The role of people who registered.",
        ),
        Variable(
            name="PASSWORD_BREACH_CHECK",
            read=word("off", "hibp"),
            default="off",
            defaults={"production": "hibp"},
            about="Whether new passwords are looked up among known breaches (five hex digits "
            "of a hash leave the house).",
        ),
        Variable(
            name="MFA_REQUIRED_ROLES",
            read=listed(lower),
            default="",
            defaults={"production": "manager,admin"},
            empty_is_unset=False,
            rules=(rules.ROLES,),
            about="Roles that need a second factor.",
        ),
        number(
            "AUTH_RATE_LIMIT_REQUESTS",
            100,
            "Calls of the sign-in doors by one client address in one window.",
        ),
        number("AUTH_RATE_LIMIT_WINDOW_SECONDS", 300, "The length of that window."),
        Variable(
            name="ADMIN_PATH",
            read=text,
            default="admin/",
            rules=(rules.ADMIN_PATH,),
            about="Where the back office is.",
        ),
        Variable(
            name="ADMIN_ALLOWED_NETWORKS",
            read=listed(network),
            default="",
            empty_is_unset=False,
            about="Networks from which the back office opens, as 10.0.0.0/8; elsewhere it is "
            "404. Empty: from everywhere.",
        ),
    ),
)
