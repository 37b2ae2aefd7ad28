"""Arrears by age (账龄): what is open on charges, by how long ago it fell due, on any day.

Read set-wise from the rows. A day in the past is answered as the books know it now: a charge counts
from its day, an allocation from the value date of what it allocates; a payment that was taken back
later was no payment.

The age counts from the due date. A demand that reached the payer interrupts the three years of the
Civil Code (art. 188, 195), but deliveries are no matter of this room: so the limit that is shown is
the earliest one there can be.
"""

from billing.arrears.accounts import InArrears, accounts_in_arrears
from billing.arrears.ageing import (
    AGES,
    Age,
    Aged,
    OfBuilding,
    ageing,
    open_by_due_date,
    sum_of,
)
from billing.arrears.limitation import Limit, limit_of, limit_of_account

__all__ = [
    "AGES",
    "Age",
    "Aged",
    "InArrears",
    "Limit",
    "OfBuilding",
    "accounts_in_arrears",
    "ageing",
    "limit_of",
    "limit_of_account",
    "open_by_due_date",
    "sum_of",
]
