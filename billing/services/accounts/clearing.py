"""Accounts that are settled for good up to a day; who says so is a room above."""

import datetime

from billing.models import Account


def clear_until(*, account: Account, day: datetime.date) -> None:
    """Nothing more comes to the payer for the days up to `day`, such as an early-payment discount.

    An earlier day than before changes nothing. The account is locked by the caller.
    """
    if account.cleared_until is None or account.cleared_until < day:
        account.cleared_until = day
        account.save(update_fields=["cleared_until"])
