"""Paying ahead, deposits, refunds, moving out."""

from typing import Any

from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import AccountFactory, make_bill


def own_unit(side: Side) -> dict[str, Any]:
    make_bill(account=AccountFactory(unit=side.unit, party=side.party))
    return {"pk": side.unit.pk}


ROWS = [
    Row("payments:prepay"),
    Row("payments:desk_prepay", own_unit),
]
