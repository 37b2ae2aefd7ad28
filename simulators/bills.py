"""Differences in a provider's daily bill, for whoever reconciles with it."""

from decimal import Decimal
from typing import Any

from simulators.faults import Faults

Line = dict[str, str]
# Switches of both providers: order numbers, or a count of lines.
SWITCHES: dict[str, Any] = {
    "bill_today": False,  # today's bill can be fetched too
    "bill_missing": [],  # orders whose lines are left out
    "bill_amount": [],  # orders whose amounts are 1.00 more
    "bill_fee": [],  # orders whose fee is 0.10 more
    "bill_twice": [],  # orders whose lines come twice
    "bill_extra": 0,  # this many payments that nobody made
    "bill_damaged": False,  # not the file that was promised
}


def spoil(
    lines: list[Line], faults: Faults, *, number: str, trade: str, amounts: list[str], fee: str
) -> list[Line]:
    """The lines with the differences that are switched on.

    Args:
        lines: a day's lines, by column.
        faults: with the switches above.
        number: the column of the merchant's order number.
        trade: the column of the provider's number.
        amounts: the columns of what was paid.
        fee: the column of the provider's fee.
    """
    spoilt = [dict(line) for line in lines if line[number] not in faults["bill_missing"]]
    for line in spoilt:
        if line[number] in faults["bill_amount"]:
            _add(line, amounts, Decimal("1.00"))
        if line[number] in faults["bill_fee"]:
            _add(line, [fee], Decimal("0.10"))
    spoilt += [dict(line) for line in spoilt if line[number] in faults["bill_twice"]]
    if lines:
        spoilt += [
            # The same every time it is asked for: the file must be the one that was promised.
            lines[0] | {number: f"X{place:02d}{lines[0][number]}"[:32], trade: f"9{place:020d}"}
            for place in range(faults["bill_extra"])
        ]
    return spoilt


def _add(line: Line, columns: list[str], more: Decimal) -> None:
    """Away from zero, so that refunds grow too."""
    for column in columns:
        value = Decimal(line[column])
        if value or len(columns) == 1:
            line[column] = str(value - more if value < 0 else value + more)
