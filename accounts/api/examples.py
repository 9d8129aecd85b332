"""What the document shows of people and their sessions."""

USER = {
    "id": "usr_01h455vb4pex5vsknk084sn02q",
    "email": "ada@example.com",
    "full_name": "Ada Obi",
    "role": "engineer",
    "stellar_wallet": None,
    "created_at": "2026-01-05T10:00:00Z",
}
SIGNED_IN = {
    "access_token": "eyJhbGciOiJIUzI1NiIs...",
    "token": "eyJhbGciOiJIUzI1NiIs...",
    "api_key": "eyJhbGciOiJIUzI1NiIs...",
    "refresh_token": "eyJhbGciOiJIUzI1NiIs...",
    "token_type": "bearer",
    "expires_in": 900,
    "user": USER,
}
