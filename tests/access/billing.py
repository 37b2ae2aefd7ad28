"""Bills and bill runs."""

from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import make_bill, make_run


def a_bill(side: Side) -> dict[str, int]:
    return {"pk": make_bill(unit=side.unit, party=side.party).pk}


ROWS = [
    Row("billing:bills"),
    Row("billing:bill", a_bill),
    Row("billing:desk_bill", a_bill),
    Row("billing:runs"),
    Row("billing:run", lambda side: {"pk": make_run(side.community).pk}),
]
