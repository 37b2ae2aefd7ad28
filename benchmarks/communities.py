"""Communities of any size, made by the server itself: a million units in a minute."""

from io import BytesIO
from typing import Any, NamedTuple

from django.db import connection


class Scenario(NamedTuple):
    """A way of charging that is measured: the fee standards, and how many lines each unit gets."""

    code: str
    name: str
    tariffs: str
    lines: float
    metered: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


HEADER = "费目,适用类型,楼栋,计费方式,单价,空置系数,生效日期,失效日期,取整\n"
BY_DAYS = Scenario(
    "bench",
    "two by area, one by unit",
    """物业服务费,住宅,,面积,2.35,0.7,2020-01-01,,整期
电梯运行费,住宅,,面积,0.45,1,2020-01-01,,逐月
生活垃圾清运费,住宅,,户,8,0,2020-01-01,,整期""",
    lines=3,
)
# Water of 0 to 99 m³ a quarter: 45 and 75 m³ are the bounds of the tiers. 1 of 100 uses none.
ALL_METHODS = Scenario(
    "bench-all",
    "all six methods",
    """物业服务费,住宅,,面积,2.35,0.7,2020-01-01,,整期
生活垃圾清运费,住宅,,户,8,0,2020-01-01,,整期
中水费,住宅,,用量,1.05,1,2020-01-01,,整期
自来水费,住宅,,阶梯,15:3.45;25:4.83;:5.83,1,2020-01-01,,整期
公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期
二次供水电费分摊,住宅,,公摊户,,1,2020-01-01,,整期""",
    lines=4 + 0.99 + 0.99 + 0.54 + 0.24,
    metered=("中水费", "自来水费"),
    shared=("公共照明分摊", "二次供水电费分摊"),
)

# Flats in buildings of 100, four on a floor, nine areas; each with an owner of its own.
_REGISTER = """
    WITH n AS (
        SELECT g, g / 100 + 1 AS house, ((g %% 100 / 4 + 1) * 100 + g %% 4 + 1) AS room
        FROM generate_series(0, %(units)s - 1) g
    ), buildings AS (
        INSERT INTO community_building (code, community_id)
        SELECT DISTINCT house::text, %(community)s::bigint FROM n RETURNING id, code
    ), units AS (
        INSERT INTO community_unit (entrance, room, code, sort_key, kind, area, handover_date,
            building_id, community_id)
        SELECT '1', room, house || '-1-' || room,
            lpad(house::text, 8, '0') || '-00000001-' || lpad(room::text, 8, '0'), 'dwelling',
            (ARRAY[62.35, 78.40, 89.37, 93.16, 104.58, 117.02, 130.70, 141.90, 154.78])[g %% 9 + 1],
            '2020-01-01', b.id, %(community)s
        FROM n JOIN buildings b ON b.code = house::text ORDER BY g RETURNING id
    ), parties AS (
        INSERT INTO community_party (name, phone, email, pinyin, pinyin_initials, community_id)
        SELECT '业主' || g, '1' || lpad(g::text, 10, '0'), '', 'ye zhu ' || g, 'yz' || g,
            %(community)s FROM n RETURNING id
    )
    INSERT INTO community_occupancy (role, is_payer, starts_on, party_id, unit_id)
    SELECT 'owner', true, '1900-01-01', p.id, u.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS r FROM units) u
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS r FROM parties) p USING (r)
"""
_METERS = """
    WITH meters AS (
        INSERT INTO billing_meter (unit_id, fee_item_id)
        SELECT u.id, i.id FROM community_unit u
        JOIN billing_feeitem i ON i.community_id = u.community_id
        WHERE u.community_id = %(community)s AND i.name = ANY(%(metered)s)
        RETURNING id, unit_id
    )
    INSERT INTO billing_meterreading (meter_id, read_on, value)
    SELECT id, read_on, CASE WHEN read_on > '2026-01-01' THEN 500 + unit_id %% 100 ELSE 500 END
    FROM meters, (VALUES ('2025-12-28'::date), ('2026-03-29')) AS days (read_on)
"""
_COSTS = """
    INSERT INTO billing_sharedcost (fee_item_id, starts_on, ends_on, amount)
    SELECT id, '2026-01-01', '2026-03-31', 1234567.89 FROM billing_feeitem
    WHERE community_id = %(community)s AND name = ANY(%(shared)s)
"""


def make_community(scenario: Scenario, units: int) -> None:
    """A community of so many flats, charged as the scenario says."""
    from billing.services.standards.tariffs import import_tariffs
    from community.models import Community

    community = Community.objects.create(code=scenario.code, name=scenario.name)
    known: dict[str, Any] = {
        "community": community.pk,
        "units": units,
        "metered": list(scenario.metered),
        "shared": list(scenario.shared),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REGISTER, known)
        source = BytesIO((HEADER + scenario.tariffs).encode())
        import_tariffs(source=source, community=community)
        cursor.execute(_METERS, known)
        cursor.execute(_COSTS, known)
        cursor.execute("VACUUM ANALYZE")
