"""Rows by the hundred thousand, made where they are kept."""

from bench.harness import sql

SITES = 200
TABLES = (
    "network_operator", "network_site", "outages_outage", "audit_entry", "outages_outagelife",
    "sla_result", "payments_payment",
)  # fmt: skip


def _key(table: int, number: str) -> str:
    """A time-ordered key: of which table, and the number of the row."""
    return f"('01890000-0000-7000-8{table:03x}-' || lpad(to_hex({number}), 12, '0'))::uuid"


OPERATOR = _key(1, "1")


def sites() -> None:
    """Make two hundred sites of one operator."""
    sql(f"""
        INSERT INTO network_operator (id, code, name, kind, status, created_at, updated_at)
        VALUES ({OPERATOR}, 'carrier', 'Carrier', 'carrier', 'active', now(), now());
        INSERT INTO network_site (id, code, name, kind, status, operator_id, timezone, criticality,
                                  created_at, updated_at)
        SELECT {_key(2, "n")}, 'hub-' || n, 'Hub ' || n, 'other', 'active', {OPERATOR}, 'UTC', 3,
               now(), now()
        FROM generate_series(0, {SITES - 1}) AS n
    """)  # noqa: S608 - numbers and constants of this module


def history() -> None:
    """Let the log say of every outage who opened it."""
    sql("""
        INSERT INTO audit_entry (id, body)
        SELECT id, json_build_object(
            'v', 1, 'id', id, 'at', detected_at, 'recorded_at', detected_at,
            'action', 'outages.open',
            'actor', json_build_object('kind', 'person', 'id', 'usr_seed'),
            'subject', json_build_object('kind', 'outage', 'id', reference),
            'before', null, 'after', json_build_object('severity', severity), 'reason', '',
            'source', 'api', 'correlation_id', id, 'links', json_build_array(reference),
            'personal', '[]'::json)
        FROM outages_outage
    """)


def outages(rows: int, *, is_open: str, every_seconds: int) -> None:
    """Make outages SEED-1 to SEED-``rows``, the last detected an hour ago, each 50 minutes long.

    ``is_open`` says in SQL which numbers ``n`` still are; the others have what follows from it.
    """
    sql(f"""
        INSERT INTO outages_outage (id, reference, site_id, site_code, site_name, severity, status,
            cause, detected_at, resolved_at, description, affected_services, source, settlement,
            birth_key, reopened_count, version, created_by, created_at, updated_at)
        SELECT {_key(3, "n")}, 'SEED-' || n, {_key(2, f"n % {SITES}")}, 'hub-' || n % {SITES},
               'Hub ' || n % {SITES}, (ARRAY['critical', 'high', 'medium', 'low'])[1 + n % 4],
               CASE WHEN {is_open} THEN 'open' ELSE 'resolved' END, 'fibre', at,
               CASE WHEN NOT {is_open} THEN at + interval '50 minutes' END,
               'Loss of signal on ring ' || n || ', both directions, since the storm.',
               ARRAY['DNS', 'VoIP'], 'person', 'normal', encode(sha256(int8send(n)), 'hex'), 0, 1,
               'usr_seed', at, at
        FROM (
            SELECT n, now() - interval '1 hour'
                      - ({rows} - n) * {every_seconds} * interval '1 second' AS at
            FROM generate_series(1, {rows}::bigint) AS n
        ) AS numbered;

        INSERT INTO outages_outagelife (id, outage_id, n, resolved_at, resolved_by,
                                        restored_between)
        SELECT overlay(id::text PLACING '4' FROM 23)::uuid, id, 1, resolved_at, 'usr_seed', false
        FROM outages_outage WHERE status = 'resolved';

        INSERT INTO sla_result (id, outage_id, version, state, severity, status, mttr_minutes,
            mttr_source, mttr_conflict_minutes, counted_seconds, excluded_seconds,
            threshold_minutes, amount, payment_type, rating, reason_code, policy_id,
            threshold_source, config_version_hash, decision_trace, inputs, compute_hash, cause,
            caused_by, occurred_at, assessed_at, current_from, site_id, operator_id)
        SELECT overlay(o.id::text PLACING '5' FROM 23)::uuid, o.id, 1, 'current', o.severity,
               CASE WHEN late THEN 'violated' ELSE 'met' END, 50, 'derived', 0, 3000, 0,
               threshold_minutes,
               CASE WHEN late THEN (threshold_minutes - 50) * penalty_per_minute
                    ELSE reward_base END,
               CASE WHEN late THEN 'penalty' ELSE 'reward' END,
               CASE WHEN late THEN 'poor' ELSE 'good' END,
               CASE WHEN late THEN 'mttr_exceeded' ELSE 'met_good' END,
               p.id, 'config', 1, 'seeded', '{{}}', birth_key, 'resolved', 'usr_seed',
               resolved_at, resolved_at, resolved_at, o.site_id, {OPERATOR}
        FROM outages_outage AS o
        JOIN sla_policy AS p ON p.severity = o.severity AND p.scope_kind = 'default',
        LATERAL (SELECT threshold_minutes < 50 AS late) AS judged
        WHERE o.status = 'resolved';

        INSERT INTO payments_payment (id, outage_id, sla_result_id, operator_id, direction, kind,
            amount, asset_code, asset_issuer, network, state, reason, attestation, requested_by,
            causers, destination, memo, due_on, builds, retry_count, created_at)
        SELECT overlay(id::text PLACING '6' FROM 23)::uuid, outage_id, id, operator_id,
               CASE WHEN amount < 0 THEN 'collection' ELSE 'payout' END, 'original', abs(amount),
               'USDC', '', 'sandbox',
               CASE WHEN amount < 0 THEN 'awaiting_payment' ELSE 'ready' END, '', 'local',
               'payments', ARRAY['usr_seed'], '', '',
               CASE WHEN amount < 0 THEN occurred_at::date + 30 END, 0, 0, assessed_at
        FROM sla_result WHERE amount <> 0
    """)  # noqa: S608 - numbers and constants of this module
