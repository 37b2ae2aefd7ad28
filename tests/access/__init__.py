"""The permission sweep: every URL × every kind of visitor × own and foreign objects.

`tests/test_access.py` walks the resolver and fails on any URL that has no row here. A room lists
its URLs in `tests/access/<room>.py`:

    ROWS = [
        Row("portal:home"),
        Row("billing:bill", lambda side: {"pk": make_bill(side).pk}),
        Row("payments:reverse", lambda side: {"pk": make_payment(side).pk}, post=True),
        Row("servicedesk:assign", lambda side: {"pk": make_ticket(side).pk}, post=True,
            data=lambda side: {"to": side.clerk.pk}),
    ]

What is expected follows from the decorator of the view (`community.access`), so a row is mostly one
line. See `Row` for what can be said besides, `tests/access/world.py` for what a `side` has.
"""

from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Side, Visitor

__all__ = ["ANY_ANSWER", "Row", "Side", "Visitor"]
