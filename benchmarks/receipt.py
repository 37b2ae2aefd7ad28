"""A receipt as a PDF, warm: fonts and style sheet are loaded once a process."""

import statistics
import time
import uuid
from datetime import date
from decimal import Decimal

from django.core.management import call_command


def measure(*, rounds: int = 30) -> tuple[float, float]:
    """Median and slowest milliseconds of printing one receipt of three lines."""
    from billing.models import Bill
    from billing.services.runs.bill_run import issue_run
    from community.models import Community, User
    from payments.documents import receipt_pdf
    from payments.models import Payment
    from payments.services.receiving.counter import collect

    call_command("build_fonts", verbosity=0)
    community = Community.objects.get(code="bench")
    issue_run(
        community=community,
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
        due_on=date(2026, 2, 15),
    )
    bill = Bill.objects.select_related("account").order_by("id")[0]
    payment = collect(
        community=community,
        account=bill.account,
        bill_ids=[bill.pk],
        amount=bill.amount,
        method=Payment.Method.CASH,
        token=uuid.uuid4(),
        clerk=User.objects.create_user("bench"),
        tendered=bill.amount + Decimal(100),
    )
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        receipt_pdf(payment.receipt)
        taken.append((time.perf_counter() - started) * 1000)
    warm = taken[1:]
    return statistics.median(warm), max(warm)
