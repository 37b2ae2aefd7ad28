"""What a provider pays out to the merchant's bank, as the bank's statement shows it.

The net of a day comes on the next morning, in one line. The file is the one that China
Construction Bank exports: GB18030, every value as it writes it.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from simulators.database import Database
from simulators.faults import Faults
from simulators.layout import CHINA, Markup, PagesApplication, page, table, tag
from simulators.web import Refused, Request, Response

# Days as 2026-01-05: which payouts are not as they should be.
SWITCHES: dict[str, Any] = {
    "payout_short": [],  # days of which 1.00 less comes
    "payout_late": [],  # days whose money comes ten days later
    "payout_merged": [],  # days that come together with the next one
    "payout_missing": [],  # days whose money never comes
}
COLUMNS = (
    *("账号", "账户名称", "交易时间", "借方发生额（支取）", "贷方发生额（收入）", "余额", "币种"),
    *(
        "对方户名",
        "对方账号",
        "对方开户机构",
        "记账日期",
        "摘要",
        "备注",
        "账户明细编号-交易流水号",
    ),
)
DAY, LATE = timedelta(days=1), timedelta(days=10)
PATH = "/control/statement"


@dataclass(frozen=True)
class Bank:
    """How the payouts of one provider look at the bank."""

    payer: str
    account: str
    memo: str
    prefix: str  # of the bank's numbers
    net: Callable[[date], Decimal]  # of a day, in yuan


@dataclass(frozen=True)
class Payout:
    booked_on: date
    amount: Decimal
    days: tuple[date, ...]


def payouts(bank: Bank, ledger: Database, faults: Faults) -> list[Payout]:
    """All that has come so far, the oldest first; with `bill_today` today's is there already."""
    today = datetime.now(CHINA).date()
    until = today + DAY if faults["bill_today"] else today
    found = _planned(bank, _days(ledger), faults)
    return sorted((one for one in found if one.booked_on <= until), key=lambda one: one.booked_on)


def _days(ledger: Database) -> list[date]:
    """The days on which anything was paid or given back."""
    rows = ledger.rows(
        "SELECT paid_at AS moment FROM orders WHERE paid_at IS NOT NULL"
        " UNION SELECT settled_at FROM refunds WHERE status = 'SUCCESS'"
    )
    return sorted({datetime.fromtimestamp(row["moment"], CHINA).date() for row in rows})


def _planned(bank: Bank, days: list[date], faults: Faults) -> Iterator[Payout]:
    waiting: list[date] = []
    owed = Decimal("0.00")
    for day in days:
        waiting, owed = [*waiting, day], owed + bank.net(day)
        if str(day) in faults["payout_merged"] or owed <= 0:
            continue  # less than nothing is taken off the next payout
        if str(day) not in faults["payout_missing"]:
            short = Decimal("1.00") if str(day) in faults["payout_short"] else Decimal(0)
            late = LATE if str(day) in faults["payout_late"] else DAY
            yield Payout(day + late, owed - short, tuple(waiting))
        waiting, owed = [], Decimal("0.00")


def statement(bank: Bank, found: list[Payout]) -> bytes:
    """The bank's export of these payouts."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    balance = Decimal("100000.00")
    for payout in found:
        balance += payout.amount
        booked = f"{payout.booked_on:%Y%m%d}"
        writer.writerow(
            [
                *(
                    "11050160",
                    "物业服务有限公司",
                    f"{booked} 08:30:00",
                    "0",
                    payout.amount,
                    balance,
                ),
                *("人民币元", bank.payer, bank.account, "某支行", booked, "转账存入"),
                *(f"{bank.memo}{payout.days[-1]:%Y%m%d}", f"{bank.prefix}{payout.days[-1]:%Y%m%d}"),
            ]
        )
    return out.getvalue().encode("gb18030")


def add_routes(
    application: PagesApplication,
    banks: dict[str, Bank],
    ledger: Database,
    faults: Faults,
    *,
    brand: str,
) -> None:
    """The statement as a file, and a page with a button for it: of the merchant that `merchant`
    in the query names, or of the first."""
    route = application.route

    def asked(request: Request) -> Bank:
        number = request.query.get("merchant") or next(iter(banks))
        if number not in banks:
            raise Refused(404, "NOT_FOUND", f"No merchant {number}")
        return banks[number]

    @route("GET", PATH)
    def download(request: Request) -> Response:
        bank = asked(request)
        name = f'attachment; filename="statement-{bank.prefix.lower()}.csv"'
        content = statement(bank, payouts(bank, ledger, faults))
        return Response(200, content, "text/csv", {"Content-Disposition": name})

    @route("GET", "/payouts")
    def shown(request: Request) -> Response:
        found = payouts(asked(request), ledger, faults)
        query = urlsplit(request.target).query
        href = f"{PATH}?{query}" if query else PATH
        button = tag("a", "下载银行流水 Bank statement", href=href, class_="button")
        return page("结算到账 Payouts", _table(found), tag("p", button), brand=brand)


def link() -> Markup:
    """The way to the page, for the first page."""
    return tag("p", tag("a", "结算到账与银行流水 Payouts and bank statement", href="/payouts"))


def _table(found: list[Payout]) -> Markup:
    rows: list[list[object]] = [
        [str(one.booked_on), tag("b", f"{one.amount:.2f}"), "、".join(map(str, one.days))]
        for one in reversed(found)
    ]
    return table(
        ["到账日 Booked", "金额 Amount", "结算日 For"],
        rows,
        caption="已到账 Payouts",
        empty="还没有结算到账：付款后的次日到账。 Nothing yet: money comes the day after.",
    )
