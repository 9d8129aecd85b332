"""What the OpenAPI document shows of payments: the claim for ten minutes too many."""

from typing import Any

PAYMENT: dict[str, Any] = {
    "id": "pay_01kemgyz1he8tb8r2nqxc1vd5h",
    "transaction_hash": None,
    "type": "penalty",
    "direction": "collection",
    "kind": "original",
    "amount": 1000,
    "amount_exact": "1000.0000000",
    "asset_code": "USDC",
    "asset_issuer": "GDDKW3QI2Q5EZXPXQ4C3SZVHQQMMYY3VQR2PLK2BG36UIZNRY22EEWYV",
    "network": "sandbox",
    "from_address": None,
    "to_address": None,
    "status": "pending",
    "state": "awaiting_payment",
    "reason": None,
    "memo": "01kemgyz1he8tb8r2nqxc1vd5h",
    "outage_id": "OUT-000123",
    "sla_result_id": "slr_01kemgyz00e8tb8r2nqxc1vd5h",
    "operator_id": "opr_01kemgq8v0e8tb8r2nqxc1vd5h",
    "attestation": "local",
    "created_at": "2026-01-05T10:25:00Z",
    "confirmed_at": None,
    "retry_count": 0,
    "last_retried_at": None,
    "ledger": None,
    "explorer_url": None,
}
