"""An account with credit, and how much of it is left."""

from decimal import Decimal

from billing.models import Account
from billing.services.accounts.posting import credit_of
from tests.factories.billing import make_bill
from tests.factories.payments import make_payment


def account_with_credit() -> Account:
    """An account that owes nothing and has 100 yuan of credit."""
    bill = make_bill("20.00")
    make_payment(bill, amount="120.00")
    return bill.account


def credit(account: Account) -> Decimal:
    """What the account may spend, in yuan."""
    return credit_of([account.pk]).get(account.pk, Decimal(0))
