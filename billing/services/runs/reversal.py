"""Taking charges back by counter-entries (冲红), one by one or a whole wrong run's."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Allocation, BillingSettings, BillRun, Charge, CreditEntry
from billing.services.accounts.posting import lock_accounts, take_back_late_fees
from billing.services.accounts.taking_back import take_back_discounts
from billing.services.runs.run_states import RunRefused, locked, move
from community.models import User, today
from core.copying import refresh_statistics

# Charges that are taken back in one go: bounds memory and the length of a statement.
FIRST_CHUNK = 200
CHUNK = 5_000

# What settled the charges is undone by negative twins: money becomes credit of its account again.
_UNDO = """
    INSERT INTO billing_allocation (credit_entry_id, charge_id, amount, undoes_id, created_at)
    SELECT a.credit_entry_id, a.charge_id, -a.amount, a.id, now()
    FROM billing_allocation a
    WHERE a.charge_id = ANY(%(charges)s) AND a.undoes_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM billing_allocation t WHERE t.undoes_id = a.id)
    ORDER BY a.id
"""
# A waiver of a line that was wrong is no money: it falls with its line.
_UNDO_WAIVERS = """
    INSERT INTO billing_creditentry
        (account_id, kind, amount, value_date, reverses_id, charge_id, run_id, created_at)
    SELECT e.account_id, e.kind, -e.amount, %(value_date)s, e.id, e.charge_id, %(run)s, now()
    FROM billing_creditentry e
    WHERE e.charge_id = ANY(%(charges)s) AND e.amount > 0 AND e.kind <> 'reversal'
      AND NOT EXISTS (SELECT 1 FROM billing_creditentry t WHERE t.reverses_id = e.id)
    ORDER BY e.id
"""
_TAKE_BACK = """
    WITH entry AS (
        INSERT INTO billing_creditentry
            (account_id, kind, amount, value_date, charge_id, run_id, created_at)
        SELECT c.account_id, 'reversal', c.amount, %(value_date)s, c.id, %(run)s, now()
        FROM billing_charge c WHERE c.id = ANY(%(charges)s) ORDER BY c.account_id, c.id
        RETURNING id, charge_id, amount
    )
    INSERT INTO billing_allocation (credit_entry_id, charge_id, amount, created_at)
    SELECT id, charge_id, amount, now() FROM entry WHERE amount > 0 ORDER BY id
"""


def reverse_charges(
    *,
    charges: Iterable[int],
    run: BillRun,
    value_date: datetime.date,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Takes charges back as a whole; `run` is the run on whose behalf.

    What settled them is undone (money becomes credit again, waivers fall), and a reversal entry
    settles each; late fee and early-payment discount fall as far as they came of them. Those taken
    back before are passed over. Returns how many were taken back. Must run in a transaction; locks
    the accounts, all of them and in their order, before it reads.
    """
    ids = sorted(set(charges))
    accounts: set[int] = set()
    for asked in _chunks(ids):
        accounts.update(Charge.objects.filter(pk__in=asked).values_list("account", flat=True))
    for locked_together in _chunks(sorted(accounts)):
        lock_accounts(locked_together)
    taken = 0
    done, size = 0, FIRST_CHUNK
    while done < len(ids):
        asked = ids[done : done + size]
        standing = Charge.objects.filter(pk__in=asked).standing().values_list("pk", flat=True)
        _take_back(found := list(standing), run, value_date)
        taken, done = taken + len(found), done + len(asked)
        # Where the planner still takes the tables for empty, the triggers scan all new rows once
        # for every charge: 5,000 took more than ten minutes, and take 0.1 s when it knows better.
        refresh_statistics(Allocation, CreditEntry)
        size = min(4 * size, CHUNK)
        report(done, len(ids))
    for asked in _chunks(ids):
        # A line that was wrong never bore late fee.
        late = Charge.objects.filter(kind=Charge.Kind.LATE_FEE, bill__charges__in=asked)
        take_back_late_fees(set(late.values_list("bill", flat=True)))
    for locked_together in _chunks(sorted(accounts)):
        take_back_discounts(locked_together)
    return taken


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])


def _take_back(charges: list[int], run: BillRun, value_date: datetime.date) -> None:
    arguments: dict[str, Any] = {"charges": charges, "run": run.pk, "value_date": value_date}
    with connection.cursor() as cursor:
        for sql in (_UNDO, _UNDO_WAIVERS, _TAKE_BACK):
            cursor.execute(sql, arguments)


def ask_to_reverse(*, run: BillRun, by: User, reason: str) -> BillRun:
    """One asks for a run to be reversed; another one does it. Raises RunRefused."""
    with transaction.atomic():
        run = locked(run)
        if run.state == BillRun.State.REVERSED or run.reversal_asked_at:
            return run
        _check_reversible(run)
        run.reversal_asked_at = timezone.now()
        run.reversal_asked_by = by
        run.reason = _given(reason)
        run.save()
        return run


def keep_after_all(*, run: BillRun) -> BillRun:
    """The reversal that somebody asked for is declined, or he thought better of it."""
    with transaction.atomic():
        run = locked(run)
        if run.state != BillRun.State.REVERSED:
            run.reversal_asked_at = run.reversal_asked_by = None
            run.reason = ""
            run.save()
        return run


def reverse_run(
    *,
    run: BillRun,
    by: User | None,
    reason: str = "",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Takes back all bills of a wrong run, and of its corrections; returns how many charges.

    The period can be billed anew. Done before, it adds nothing. Raises RunRefused for a run that is
    closed or no regular one, without a reason, and where a second person has to agree if nobody
    else asked for it.
    """
    with transaction.atomic():
        run = locked(run)
        if run.state == BillRun.State.REVERSED:
            return 0
        _check_reversible(run)
        if BillingSettings.of(run.period.community).needs_approval:
            if run.reversal_asked_at is None:
                raise RunRefused(_("another person has to ask for the reversal first"))
            if by is None or run.reversal_asked_by_id == by.pk:
                raise RunRefused(_("another person than who asked for it has to reverse the run"))
        run.reason = run.reason or _given(reason)
        runs = [run, *run.corrections.filter(state=BillRun.State.ISSUED)]
        charges = Charge.objects.filter(bill__run__in=runs).values_list("pk", flat=True)
        taken = reverse_charges(charges=charges, run=run, value_date=today(), report=report)
        for each in runs:
            move(each, BillRun.State.REVERSED)
            each.reversed_at, each.reversed_by = timezone.now(), by
            each.reason = each.reason or run.reason
            each.save()
        run.period.issued_at = None
        run.period.save(update_fields=["issued_at"])
        return taken


def _check_reversible(run: BillRun) -> None:
    if run.kind != BillRun.Kind.REGULAR:
        raise RunRefused(
            _("only a period's own run is reversed: correct the facts, then the run again")
        )
    if run.state == BillRun.State.CLOSED or run.period.closed_at:
        raise RunRefused(_("the period is closed: corrections land in the open one"))
    if run.state != BillRun.State.ISSUED:
        raise RunRefused(_("only an issued run can be reversed"))
    if run.corrections.filter(state=BillRun.State.CLOSED).exists():
        raise RunRefused(_("a correction of this run stands in a closed period"))


def _given(reason: str) -> str:
    if not reason.strip():
        raise RunRefused(_("please say why"))
    return reason.strip()[:500]
