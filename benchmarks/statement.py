"""The statement of a unit with twenty years of history, as its payer opens it."""

import statistics
import time
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

YEARS = 20
LINES = (Decimal("906.35"), Decimal("173.56"), Decimal("24.00"), Decimal("61.18"))


def measure(*, rounds: int = 40) -> tuple[float, float]:
    """Median and slowest milliseconds from the request to the whole answer."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from payments.statement import load_statement

    account = make_history()
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0].lstrip("."))
    client.force_login(
        account.party.bindings.get().user, backend="django.contrib.auth.backends.ModelBackend"
    )
    url = reverse("payments:statement", args=[account.pk])
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        answer = client.get(url)
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"the statement answers {answer.status_code}")
    owed = sum(LINES)
    whole = len(load_statement(account).lines) == 8 * YEARS - 1
    if not whole or f'data-closing="{owed}"' not in answer.content.decode():
        raise SystemExit("the statement does not show twenty years")
    return statistics.median(taken[1:]), max(taken[1:])


def make_history() -> Any:
    """Eighty quarters of four lines each, all but the last paid with a receipt."""
    from billing.models import Account
    from community.models import Binding, Building, Community, Party, Unit, User

    community = Community.objects.create(code="statement", name="statement")
    building = Building.objects.create(community=community, code="1")
    unit = Unit.objects.create(
        community=community, building=building, code="1-1-101", room="101", kind="dwelling", area=99
    )
    party = Party.objects.create(community=community, name="业主")
    Binding.objects.create(party=party, user=User.objects.create_user("statement"))
    account = Account.objects.create(community=community, unit=unit, party=party)
    for quarter in range(4 * YEARS):
        bill = _bill(account, date(2006 + quarter // 4, quarter % 4 * 3 + 1, 1))
        if quarter < 4 * YEARS - 1:
            _pay(account, bill)
    return account


def _bill(account: Any, starts_on: date) -> Any:
    from django.utils import timezone

    from billing.models import Bill, BillingPeriod, BillRun, Charge, FeeItem

    issued_at = timezone.make_aware(datetime.combine(starts_on, datetime.min.time()))
    ends_on = (starts_on + timedelta(days=93)).replace(day=1) - timedelta(days=1)
    period = BillingPeriod.objects.create(
        community=account.community, starts_on=starts_on, ends_on=ends_on, issued_at=issued_at
    )
    due_on = starts_on + timedelta(days=45)
    run = BillRun.objects.create(period=period, state="issued", due_on=due_on, issued_at=issued_at)
    bill = Bill.objects.create(
        account=account, run=run, due_on=due_on, amount=sum(LINES), issued_at=issued_at
    )
    for position, amount in enumerate(LINES):
        item, _made = FeeItem.objects.get_or_create(
            community=account.community, name=f"费目{position}", defaults={"position": position}
        )
        Charge.objects.create(
            account=account,
            bill=bill,
            fee_item=item,
            starts_on=starts_on,
            ends_on=ends_on,
            quantity=1,
            factor=1,
            amount=amount,
        )
    return bill


def _pay(account: Any, bill: Any) -> None:
    from payments.models import Payment
    from payments.services.receiving.record import Share, payment_record

    payment_record(
        community=account.community,
        method=Payment.Method.CASH,
        amount=bill.amount,
        shares=[Share(account.pk, bill.amount, (bill.pk,))],
        value_date=bill.due_on,
        idempotency_key=f"benchmark:{uuid.uuid4()}",
    )
