"""What can be done about money that is owed."""

from payments.services.owed import request_payment, withdraw_payments

__all__ = ["request_payment", "withdraw_payments"]
