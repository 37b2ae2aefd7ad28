"""Bills and bill runs."""

from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import make_bill, make_run


def a_bill(side: Side) -> dict[str, int]:
    return {"pk": make_bill(unit=side.unit, party=side.party).pk}


def a_run(side: Side) -> dict[str, int]:
    return {"pk": make_run(side.community).pk}


ROWS = [
    Row("billing:bills"),
    Row("billing:bill", a_bill),
    Row("billing:desk_bill", a_bill),
    Row("billing:runs"),
    Row("billing:settings"),
    Row("billing:preview_run", post=True),
    Row("billing:run", a_run),
    Row("billing:preview_again", a_run, post=True),
    Row("billing:accept_exceptions", a_run, post=True),
    Row("billing:accept_reason", lambda side: a_run(side) | {"reason": "no_cost"}),
    Row("billing:issue_run", a_run, post=True),
    Row("billing:send_back", a_run, post=True),
    Row("billing:drop_run", a_run, post=True),
    Row("billing:close_run", a_run, post=True),
    Row("billing:reverse", a_run),
    Row("billing:corrections", a_run),
]
