"""The rules of outages: pure, without database, clock or HTTP."""
