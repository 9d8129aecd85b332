"""The prefixes of wire ids."""

USER, GRANT, SESSION = "usr", "grt", "ses"
TEAM, API_KEY, GROUP_MAPPING = "tem", "key", "gmp"
