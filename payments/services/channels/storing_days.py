"""Storing a day of a channel's bill beside our books: the figures, and every difference."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from community.models import Community
from core.money import ZERO
from payments.models import Reconciliation, ReconciliationLine
from payments.providers.base import BillLine, DailyBill, LineKind, Provider
from payments.reconciliation.comparison import Difference, Key, compare, fee_due, key_of
from payments.services.channels.our_day import Ours, our_side

State = Reconciliation.State
LineState = ReconciliationLine.State


class ReconcileRefused(Exception):
    """The day cannot be compared; nothing was changed. The message says why."""


@dataclass(frozen=True)
class Done:
    """A reconciliation, and whether this time changed anything of it."""

    reconciliation: Reconciliation
    changed: bool


def fee_rate(provider: Provider) -> Decimal:
    """The provider's fee as a share of the amount, by its contract."""
    rates: Mapping[str, Decimal] = settings.PAYMENT_FEE_RATES
    return rates.get(f"{provider.key}:{provider.merchant}", rates.get(provider.key, ZERO))


@transaction.atomic
def store_day(
    provider: Provider,
    bill: DailyBill,
    sharing: Sequence[int],
    only: Community | None = None,
    without: Collection[int] = (),
) -> list[Done]:
    """Stores a day's bill against our books, for each community that has something of it.

    `sharing` are those of the account: lines that no order explains go to the first. With `only`
    for that one, and not for those in `without`. Raises ReconcileRefused; IntegrityError when
    somebody else stores the same day at this moment.
    """
    ours = our_side(provider, bill)
    keeper = sharing[0]
    theirs: dict[int, list[BillLine]] = defaultdict(list)
    for line in bill.lines:
        theirs[ours.community.get(line.out_trade_no, keeper)].append(line)
    mine: dict[int, set[Key]] = defaultdict(set)
    for key in ours.day:
        mine[ours.community[key[1]]].add(key)
    wanted = {*sharing, *theirs, *mine}.difference(without)
    if only is not None:
        wanted &= {only.pk}
    return [_store_one(provider, bill, ours, pk, theirs[pk], mine[pk]) for pk in sorted(wanted)]


def _store_one(
    provider: Provider,
    bill: DailyBill,
    ours: Ours,
    community_id: int,
    theirs: Sequence[BillLine],
    mine: Collection[Key],
) -> Done:
    named = {"community_id": community_id, "provider": provider.key, "merchant": provider.merchant}
    known = Reconciliation.objects.select_for_update().filter(**named, day=bill.day).first()
    if known is not None and known.closed_by_id is not None:
        figures = _figures(theirs, ours, mine)
        same = all(getattr(known, name) == value for name, value in figures.items())
        if known.digest == bill.digest or same:
            return Done(known, changed=False)
        raise ReconcileRefused(
            _(
                "%(day)s is signed off, but the channel's bill is another now. Nothing was "
                "changed: please ask the channel what it corrected."
            )
            % {"day": bill.day.isoformat()}
        )
    rate = fee_rate(provider)
    found = list(compare(theirs, ours.amounts, mine, rate))
    empty = not theirs and not mine
    row = known or Reconciliation(**named, day=bill.day)
    before = _figures_of(row)
    row.digest, row.compared_at = bill.digest, row.compared_at or timezone.now()
    for name, value in _figures(theirs, ours, mine).items():
        setattr(row, name, value)
    row.elsewhere_paid = _elsewhere(LineKind.PAYMENT, theirs, ours, mine)
    row.elsewhere_refunded = _elsewhere(LineKind.REFUND, theirs, ours, mine)
    row.fees_due = sum((fee_due(line, rate) for line in theirs), ZERO)
    # A day on which nothing happened is closed by nobody, and opens when something turns up.
    if empty and known is None:
        row.state, row.closed_at = State.CLOSED, timezone.now()
    elif not empty:
        row.state, row.closed_at = State.OPEN, None
    changed = known is None or before != _figures_of(row)
    if changed:
        row.compared_at = timezone.now()
        row.save()
    return Done(row, _store_lines(row, found, ours) or changed)


_FIGURES = (
    *("digest", "their_lines", "their_paid", "their_refunded", "fees", "fees_due"),
    *("our_lines", "our_paid", "our_refunded", "elsewhere_paid", "elsewhere_refunded"),
)


def _figures_of(row: Reconciliation) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _FIGURES)


def _figures(
    theirs: Sequence[BillLine], ours: Ours, mine: Collection[Key]
) -> dict[str, int | Decimal]:
    paid = [line.amount for line in theirs if line.kind == LineKind.PAYMENT]
    back = [line.amount for line in theirs if line.kind == LineKind.REFUND]
    here = [(key[0], ours.amounts[key]) for key in mine]
    return {
        "their_lines": len(theirs),
        "their_paid": sum(paid, ZERO),
        "their_refunded": sum(back, ZERO),
        "fees": sum((line.fee for line in theirs), ZERO),
        "our_lines": len(here),
        "our_paid": sum((yuan for kind, yuan in here if kind == LineKind.PAYMENT), ZERO),
        "our_refunded": sum((yuan for kind, yuan in here if kind == LineKind.REFUND), ZERO),
    }


def _elsewhere(
    kind: LineKind, theirs: Iterable[BillLine], ours: Ours, mine: Collection[Key]
) -> Decimal:
    """What the bill lists and our books have on another day, in yuan as our books have it."""
    listed = {key_of(line) for line in theirs if line.kind == kind}
    found = listed.intersection(ours.amounts).difference(mine)
    return sum((ours.amounts[key] for key in found), ZERO)


def _store_lines(row: Reconciliation, found: Iterable[Difference], ours: Ours) -> bool:
    """Keeps new differences, takes note of those that are gone; whether anything changed."""
    known = {_line_key(line): line for line in row.lines.select_for_update()}
    wanted = {(one.key, one.kind.value, one.ordinal): one for one in found}
    fresh = [one for key, one in wanted.items() if key not in known]
    made = ReconciliationLine.objects.bulk_create(
        (_line(row, one, ours) for one in fresh), batch_size=2_000
    )
    moved = []
    for key, line in known.items():
        before = (line.state, line.stands)
        line.stands = key in wanted
        if line.state != LineState.SETTLED:
            line.state = LineState.OPEN if line.stands else LineState.GONE
            if line.stands:
                line.theirs, line.ours = wanted[key].theirs, wanted[key].ours
        moved.append((line, before != (line.state, line.stands)))
    ReconciliationLine.objects.bulk_update(
        [line for line, _moved in moved], ["state", "stands", "theirs", "ours"], batch_size=2_000
    )
    return bool(made) or any(changed for _line, changed in moved)


def _line_key(line: ReconciliationLine) -> tuple[Key, str, int]:
    return ((line.flow, line.out_trade_no, line.out_refund_no), line.kind, line.ordinal)


def _line(row: Reconciliation, one: Difference, ours: Ours) -> ReconciliationLine:
    flow, out_trade_no, out_refund_no = one.key
    return ReconciliationLine(
        reconciliation=row,
        kind=one.kind,
        flow=flow,
        out_trade_no=out_trade_no,
        out_refund_no=out_refund_no,
        ordinal=one.ordinal,
        transaction_id=one.transaction_id,
        theirs=one.theirs,
        ours=one.ours,
        happened_at=one.happened_at,
        order_id=ours.order.get(out_trade_no),
    )
