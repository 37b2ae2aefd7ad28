"""Triggers that note which runs a fact comes too late for, whatever sends the SQL.

A fact that is recorded, changed or removed names a unit, maybe a fee item, and days. Every run that
charges those days gets a `LateFact`, in the transaction that records the fact. It is asked of the
tables and not of the services, because a fact that somebody forgets to announce stays billed wrong.
"""

import pgtrigger

# Of a statement's facts, `now` tells the versions after it from those before. What is touched are
# the days on which only one of the two holds: of two versions that differ in anything but their
# days, all of both.
#
# A run charges the days of its period, or for items in arrears as many months before it. One that
# does not say which items those were may have charged both. Who pays on the day before the first
# counts as well (`slack`): a meter may be read at a transfer on the first day.
#
# A file's facts have few different days: these are held against the runs, not each fact.
_NOTE = """
    IF NOT EXISTS (SELECT FROM billing_billrun WHERE kind = 'regular' AND state <> 'reversed') THEN
        RETURN NULL;
    END IF;
    INSERT INTO billing_latefact (run_id, unit_id, kind, noted_at)
    WITH touched AS MATERIALIZED (
        SELECT unit_id, item_id, unit.community_id,
            COALESCE(range_agg(days) FILTER (WHERE now), '{{}}') AS is_now,
            COALESCE(range_agg(days) FILTER (WHERE NOT now), '{{}}') AS was
        FROM ({facts}) fact (now, unit_id, item_id, told, days)
        JOIN community_unit unit ON unit.id = unit_id
        GROUP BY unit_id, item_id, told, unit.community_id
    ), spans AS (
        SELECT DISTINCT community_id, item_id, is_now, was FROM touched WHERE is_now <> was
    ), charged AS (
        SELECT run.id AS run_id, spans.*
        FROM spans
        JOIN billing_billingperiod period USING (community_id)
        JOIN billing_billrun run ON run.period_id = period.id
            AND run.kind = 'regular' AND run.state <> 'reversed'
        CROSS JOIN LATERAL (
            SELECT (period.starts_on - age(period.ends_on + 1, period.starts_on))::date AS first,
                run.summary -> 'in_arrears' AS items
        ) late
        WHERE ((is_now - was) + (was - is_now)) && CASE
            WHEN late.items IS NULL THEN daterange(late.first, period.ends_on, '[]')
            WHEN item_id IS NULL THEN daterange(
                CASE WHEN late.items = '[]' THEN period.starts_on ELSE late.first END - {slack},
                period.ends_on, '[]')
            WHEN late.items @> to_jsonb(item_id) THEN daterange(late.first, period.starts_on)
            ELSE daterange(period.starts_on, period.ends_on, '[]') END
    )
    SELECT DISTINCT charged.run_id, touched.unit_id, '{kind}', now()
    FROM charged JOIN touched
        ON (touched.community_id, touched.is_now, touched.was)
            = (charged.community_id, charged.is_now, charged.was)
        AND touched.item_id IS NOT DISTINCT FROM charged.item_id;
    RETURN NULL;
"""
_BEFORE = "SELECT FALSE AS now, * FROM old_rows"
_AFTER = "SELECT TRUE AS now, * FROM new_rows"


def noting(kind: str, facts: str, *, slack: int = 0) -> list[pgtrigger.Trigger]:
    """The triggers of a table of facts, for `Meta.triggers`.

    `kind` is one of `LateFact.Kind`. `facts` selects, FROM {rows}: `now` as it is, the unit, the
    fee item (NULL: any), what the fact says apart from its days, and its days.
    """
    cases = (
        ("insert", pgtrigger.Insert, pgtrigger.Referencing(new="new_rows"), _AFTER),
        ("delete", pgtrigger.Delete, pgtrigger.Referencing(old="old_rows"), _BEFORE),
        (
            "update",
            pgtrigger.Update,
            pgtrigger.Referencing(old="old_rows", new="new_rows"),
            f"{_BEFORE} UNION ALL {_AFTER}",
        ),
    )
    return [
        pgtrigger.Trigger(
            name=f"note_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=versions,
            func=_NOTE.format(
                kind=kind, facts=facts.replace("{rows}", f"({rows}) fact"), slack=slack
            ),
        )
        for name, operation, versions, rows in cases
    ]


# Before handover nobody is charged but the developer.
PAYERS = """
    SELECT now, unit_id, NULL::bigint, ROW(party_id, role)::text,
        daterange(starts_on, ends_on, '[]') * CASE
            WHEN role = 'developer' THEN '(,)'::daterange
            WHEN handover_date IS NULL THEN 'empty'
            ELSE daterange(handover_date, NULL) END
    FROM {rows} JOIN community_unit ON community_unit.id = unit_id WHERE is_payer
"""
VACANCIES = """
    SELECT now, unit_id, NULL::bigint, '', daterange(starts_on, ends_on, '[]') FROM {rows}
"""
UNITS = """
    SELECT now, id, NULL::bigint, ROW(area, kind, building_id)::text,
        CASE WHEN handover_date IS NULL THEN 'empty' ELSE daterange(handover_date, NULL) END
    FROM {rows}
    UNION ALL
    SELECT now, fact.id, NULL, ROW('developer', area, kind, building_id)::text,
        daterange(starts_on, ends_on, '[]')
    FROM {rows} JOIN community_occupancy payer
        ON payer.unit_id = fact.id AND is_payer AND role = 'developer'
"""
# Usage runs from reading to reading: one counts until the next, whose usage begins there.
READINGS = """
    SELECT now, unit_id, fee_item_id,
        ROW(meter_id, read_on, COALESCE(corrected_value, value) + shift)::text,
        daterange(read_on, (
            SELECT min(later.read_on) FROM billing_meterreading later
            WHERE later.meter_id = fact.meter_id AND later.read_on > fact.read_on
        ), '[]')
    FROM {rows} JOIN billing_meter ON billing_meter.id = meter_id
"""
TARIFFS = """
    SELECT now, unit.id, fact.fee_item_id, fact.id::text,
        daterange(fact.starts_on, fact.ends_on, '[]')
    FROM {rows} JOIN billing_feeitem item ON item.id = fact.fee_item_id
    JOIN community_unit unit ON unit.community_id = item.community_id
        AND unit.kind = fact.unit_kind
        AND unit.building_id = COALESCE(fact.building_id, unit.building_id)
    WHERE NOT picked OR EXISTS (
        SELECT FROM billing_tariffunit one WHERE one.tariff_id = fact.id AND one.unit_id = unit.id
    )
"""
PICKED_UNITS = """
    SELECT now, unit_id, fee_item_id, tariff_id::text, daterange(starts_on, ends_on, '[]')
    FROM {rows} JOIN billing_tariff ON billing_tariff.id = tariff_id
"""
# A cost is shared by the tariffs of its last day.
SHARED_COSTS = """
    SELECT now, unit.id, fact.fee_item_id,
        ROW(fact.id, fact.building_id, fact.starts_on, fact.amount)::text,
        daterange(fact.ends_on, fact.ends_on, '[]')
    FROM {rows} JOIN billing_feeitem item ON item.id = fact.fee_item_id
    JOIN community_unit unit ON unit.community_id = item.community_id
        AND unit.building_id = COALESCE(fact.building_id, unit.building_id)
    WHERE EXISTS (
        SELECT FROM billing_tariff t WHERE t.fee_item_id = fact.fee_item_id
            AND t.unit_kind = unit.kind AND fact.ends_on >= t.starts_on
            AND fact.ends_on <= COALESCE(t.ends_on, 'infinity')
    )
"""
