"""Pure rules of the SLA: what terms say, and what an outage earned or cost under them."""
