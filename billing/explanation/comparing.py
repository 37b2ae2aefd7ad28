"""A bill beside the one before: what changed, in words, and how much each cause made."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing import calculation as calc
from billing.calculation.difference import Billed, Cause, Difference, Part, Side, difference
from billing.calculation.tariffs import BY_DAYS
from billing.explanation import equations as eq
from billing.models import Bill, BillRun, Charge, CreditEntry
from core.money import ZERO, from_fen, to_fen

LESSENS = (CreditEntry.Kind.WAIVER, CreditEntry.Kind.DISCOUNT)


@dataclass(frozen=True)
class Change:
    """One cause of the difference, in yuan, and what is to say about each fee item it touched."""

    label: str
    amount: Decimal
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A bill compared with an earlier period; amounts in yuan, the changes sum to `amount`.

    `bill` is the payer's own earlier bill. Without one, what the fee standard of the unit came to
    is compared, and nothing of whoever paid before.
    """

    period: str
    amount: Decimal
    changes: tuple[Change, ...]
    bill: Bill | None = None

    @property
    def size(self) -> Decimal:
        return abs(self.amount)


def compare_bill(bill: Bill) -> Comparison | None:
    """The bill of a regular run beside the last one; None where there is nothing to compare.

    At most four queries, if the bill came with `account__unit` and `run__period`. A bill of which
    something was taken back says nothing: what took its place stands on another bill.
    """
    if bill.run.kind != BillRun.Kind.REGULAR:
        return None
    before = _regular_before(bill).filter(account=bill.account_id).first()
    if before is None:
        return _by_unit(bill)
    corrections = Q(account=bill.account_id, bill__run__corrects=before.run_id)
    lines = _lines(Q(bill__in=[bill.pk, before.pk]) | corrections)
    own = [line for line in lines if line.bill_id == bill.pk]
    old = [line for line in lines if line.bill_id != bill.pk and not _taken_back(line)]
    if any(map(_taken_back, own)):
        return None
    lessened = _lessened(lines)
    found = difference(_side(old, lessened), _side(own, lessened))
    return Comparison(
        str(before.run.period), from_fen(found.fen), _changes(found, own, old), before
    )


def _by_unit(bill: Bill) -> Comparison | None:
    """The first bill of a payer: price and days of what is charged by days, as for everybody."""
    before = _regular_before(bill).filter(account__unit=bill.account.unit_id).first()
    if before is None:
        return None
    by_days = Q(kind=Charge.Kind.FEE, tariff__method__in=BY_DAYS)
    earlier = Q(bill__run=before.run_id, account__unit=bill.account.unit_id)
    lines = [
        line for line in _lines(by_days & (Q(bill=bill.pk) | earlier)) if not _taken_back(line)
    ]
    own = [line for line in lines if line.bill_id == bill.pk]
    old = [line for line in lines if line.bill_id != bill.pk]
    both = {line.fee_item_id for line in own} & {line.fee_item_id for line in old}
    sides = (
        Side([_billed(line).by_standard() for line in side if line.fee_item_id in both])
        for side in (old, own)
    )
    found = difference(*sides)
    if not found.parts:
        return None
    return Comparison(str(before.run.period), from_fen(found.fen), _changes(found, own, old))


def _regular_before(bill: Bill) -> QuerySet[Bill]:
    """Bills of the community's earlier periods, the latest first."""
    period = bill.run.period
    return (
        Bill.objects.filter(
            run__kind=BillRun.Kind.REGULAR,
            run__period__community=period.community_id,
            run__period__starts_on__lt=period.starts_on,
        )
        .exclude(run__state=BillRun.State.REVERSED)
        .select_related("run__period")
        .order_by("-run__period__starts_on", "id")
    )


def _lines(wanted: Q) -> list[Charge]:
    """Charges with whether each was taken back; late fees are no part of what a period costs."""
    reversal = CreditEntry.objects.filter(
        charge=OuterRef("pk"),
        kind=CreditEntry.Kind.REVERSAL,
        amount__gt=0,
        reversed_by__isnull=True,
    )
    return list(
        Charge.objects.filter(wanted)
        .exclude(kind=Charge.Kind.LATE_FEE)
        .annotate(taken_back=Exists(reversal))
        .select_related("fee_item", "tariff")
        .order_by("fee_item__position", "fee_item_id", "starts_on", "id")
    )


def _taken_back(line: Charge) -> bool:
    return line.taken_back  # type: ignore[attr-defined]


def _lessened(lines: Sequence[Charge]) -> dict[int, Decimal]:
    """Waivers and discounts by charge, in yuan; what was reversed does not count."""
    rows = CreditEntry.objects.filter(kind__in=LESSENS, charge__in=[line.pk for line in lines])
    return dict(rows.order_by().values_list("charge").annotate(total=Sum("amount")))


def _side(lines: Sequence[Charge], lessened: dict[int, Decimal]) -> Side:
    extra = sum((line.amount for line in lines if line.kind != Charge.Kind.FEE), ZERO)
    less = sum((lessened.get(line.pk, ZERO) for line in lines), ZERO)
    fees = [_billed(line) for line in lines if line.kind == Charge.Kind.FEE]
    return Side(fees, to_fen(extra - less))


def _billed(line: Charge) -> Billed:
    tariff = line.tariff
    return Billed(
        item=line.fee_item_id,
        tariff=tariff.pk if tariff else 0,
        method=tariff.method if tariff else "",
        span=calc.Span(line.starts_on, line.ends_on),
        quantity=line.quantity,
        price=line.unit_price,
        factor=line.factor,
        fen=to_fen(line.amount),
        tiers=calc.parse_tiers(tariff.tiers) if tariff and tariff.tiers else (),
    )


def _changes(found: Difference, own: Sequence[Charge], old: Sequence[Charge]) -> tuple[Change, ...]:
    """The parts of a difference put together by cause, in the order in which causes are named."""
    names = {line.fee_item_id: line.fee_item.name for line in [*old, *own]}
    sides = {line.fee_item_id for line in old}, {line.fee_item_id for line in own}
    changes = []
    for cause in Cause:
        parts = [part for part in found.parts if part.cause is cause]
        if parts:
            details = [_detail(part, names, *sides) for part in parts if part.item is not None]
            fen = sum(part.fen for part in parts)
            changes.append(Change(_label(cause), from_fen(fen), tuple(details)))
    return tuple(changes)


def _label(cause: Cause) -> str:
    labels = {
        Cause.PRICE: _("price"),
        Cause.DAYS: _("days billed"),
        Cause.AREA: _("area on record"),
        Cause.USAGE: _("usage"),
        Cause.SHARED: _("shared costs"),
        Cause.VACANCY: _("vacancy"),
        Cause.ADJUSTMENT: _("waivers, discounts and extra charges"),
        Cause.OTHER: _("other fee items"),
    }
    return labels[cause]


def _detail(part: Part, names: dict[int, str], old: set[int], own: set[int]) -> str:
    """What there is to say about one fee item: `Water: 12 m³ more, +41.40`."""
    assert part.item is not None
    amount = signed_yuan(from_fen(part.fen))
    words = _words(part, old, own)
    item = names[part.item]
    if not words:
        return _("%(item)s: %(amount)s") % {"item": item, "amount": amount}
    return _("%(item)s: %(words)s, %(amount)s") % {"item": item, "words": words, "amount": amount}


def _words(part: Part, old: set[int], own: set[int]) -> str:
    if part.prices:
        was, now = (eq.number(price) for price in part.prices)
        return _("%(was)s → %(now)s yuan") % {"was": was, "now": now}
    if part.more is not None and part.cause is Cause.DAYS:
        days = abs(int(part.more))
        if part.more > 0:
            return ngettext("%(n)s more day", "%(n)s more days", days) % {"n": days}
        return ngettext("%(n)s day fewer", "%(n)s days fewer", days) % {"n": days}
    if part.more is not None:
        used = eq.number(abs(part.more))
        return (_("%(n)s m³ more") if part.more > 0 else _("%(n)s m³ less")) % {"n": used}
    if part.cause is Cause.OTHER:
        if part.item not in old:
            return _("not on the earlier bill")
        return _("rounding") if part.item in own else _("no longer on the bill")
    return ""


def signed_yuan(amount: Decimal) -> str:
    """`+80.00`, `−12.50`: how much more or less."""
    return f"{'+' if amount > 0 else '−'}{abs(amount):,.2f}"
