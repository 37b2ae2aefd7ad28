"""Settlement and the bank's statements."""

import datetime
from typing import Any

from payments.models import BankLine
from payments.services.channels import settling
from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.settlement import TENPAY, make_day, take_over

DAY = datetime.date(2026, 1, 5)
NEXT = DAY + datetime.timedelta(days=1)


def a_payout_line(side: Side) -> BankLine:
    [line] = take_over(side.community, (NEXT, "5.00", TENPAY))
    return line


def a_payout(side: Side) -> dict[str, Any]:
    return {"pk": a_payout_line(side).pk}


def a_day(side: Side) -> dict[str, Any]:
    return {"pk": make_day(side.community, DAY, "5.00").pk}


def an_entry(side: Side) -> dict[str, Any]:
    day = make_day(side.community, DAY, "5.00")
    [entry] = settling.match_line(a_payout_line(side).pk, days=[day.pk], by=side.accountant)
    return {"pk": entry.pk}


ROWS = [
    Row("payments:settlements"),
    Row("payments:close_settlement_month", post=True),
    Row("payments:bank_line", a_payout),
    Row("payments:settle_bank_line", a_payout, post=True, data=lambda side: {"way": "aside"}),
    Row("payments:explain_settlement", a_day, post=True, data=lambda side: {"words": "查过"}),
    Row("payments:undo_settlement", an_entry, post=True),
    Row("payments:bank_statements"),
]
