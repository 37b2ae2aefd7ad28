"""Statements of account, arrears by age."""

from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import AccountFactory, make_bill


def an_account(side: Side) -> dict[str, int]:
    account = AccountFactory(unit=side.unit, party=side.party)
    make_bill(account=account)
    return {"pk": account.pk}


ROWS = [
    Row("payments:statement", an_account),
    Row("payments:statement_pdf", an_account),
    Row("payments:statement_xlsx", an_account),
    Row("billing:arrears"),
    Row("billing:arrears_xlsx"),
    Row("billing:arrears_accounts"),
    Row("billing:arrears_accounts_xlsx", post=True),
]
