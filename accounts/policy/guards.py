"""How often somebody may be wrong at the doors of sign-in, and how they are refused then.

Source: OWASP ASVS 5.0, 6.3.1 and 2.4.1.
"""

from datetime import timedelta
from typing import NamedTuple

from core.errors import TooMany


class AccountLocked(TooMany):
    code = "account_locked"
    title = "Account locked here"
    summary = "Too many wrong passwords for this account from your address. Try again later."


class LoginThrottled(TooMany):
    code = "login_throttled"
    title = "Too many failed sign-ins"
    summary = "Too many sign-ins have failed. Try again later."


class Allowance(NamedTuple):
    """So many within so many seconds."""

    amount: int
    seconds: int


# One client address and one e-mail: the numbers of django-axes.
WRONG_PASSWORDS = Allowance(5, 15 * 60)
# One client address over all accounts: stuffing.
FAILURES_OF_ADDRESS = Allowance(20, 5 * 60)
# One account over all client addresses: spraying.
FAILURES_OF_ACCOUNT = Allowance(100, 60 * 60)
# Addresses of a session of the account within this time are let through all the same.
FAMILIAR_FOR = timedelta(days=30)
# One client address that asks for an account or for a new password.
NEWCOMERS = Allowance(20, 60 * 60)
# One session that exchanges its refresh token; never an address: a whole shift sits behind one.
REFRESHES = Allowance(30, 60)
# One person's codes of the second factor.
WRONG_CODES = Allowance(10, 15 * 60)
