"""Early-payment offers at work: who may still earn one, and giving the discount.

Somebody earns it when all lines of the offer's fee items within its months are paid, but for at
most the discount, with money of value dates up to the offer's last day. The discount settles the
rest; where nothing is left to settle it takes money's place, which is credit then. Whoever earned
one, and lost a part of it with lines that were taken back, gets that part again with lines that
come in their place and are paid in time just so, even if the offer was withdrawn meanwhile.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Max, Q, Sum
from django.utils import timezone

from billing.models import (
    Allocation,
    BillingPeriod,
    Charge,
    CreditEntry,
    EarlyPaymentOffer,
    OfferUse,
)
from billing.models.charge import ChargeQuerySet, taken_back
from billing.services.accounts import discounts
from core.money import from_fen, to_fen

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Chance:
    """An offer that an account may still earn: the lines it is about, in fen."""

    offer: EarlyPaymentOffer
    account_id: int
    charge_ids: tuple[int, ...]
    # The bills of these lines of which something is open, oldest due first.
    open_bill_ids: tuple[int, ...]
    bill_ids: tuple[int, ...]
    base: int
    open: int
    # Whether lines for later days than those that stand were taken back: somebody moved out.
    shortened: bool = False
    # The account earned it before: what stands of that discount is no more to come.
    use: OfferUse | None = None

    @property
    def given(self) -> int:
        """What was given before and stands, in fen."""
        return 0 if self.use is None else to_fen(self.use.standing_amount)

    @property
    def fen(self) -> int:
        """The discount still to come, rounded half up once for the offer."""
        return discounts.percent_of(self.offer, self.base) - self.given

    @property
    def discount(self) -> Decimal:
        return from_fen(self.fen)


Offers = dict[int, list[Chance]]


def open_to(account_ids: Collection[int], entries: Sequence[CreditEntry]) -> Offers:
    """By account: the offers that one of the payments may earn; one query where there are none."""
    days = [e.value_date for e in entries if e.kind == CreditEntry.Kind.PAYMENT]
    return chances(account_ids=account_ids, on=min(days)) if days else {}


def chances(*, account_ids: Collection[int], on: datetime.date) -> Offers:
    """By account: the offers that money of the day `on` may earn."""
    found: Offers = defaultdict(list)
    state = EarlyPaymentOffer.State
    offers = EarlyPaymentOffer.objects.filter(
        Q(state=state.APPROVED) | Q(state=state.WITHDRAWN, uses__account__in=account_ids),
        pay_by__gte=on,
        community__accounts__in=account_ids,
    ).distinct()
    for offer in offers:
        if _all_billed(offer):
            for chance in _of_offer(offer, account_ids):
                found[chance.account_id].append(chance)
    return dict(found)


def _all_billed(offer: EarlyPaymentOffer) -> bool:
    """Whether the bills of all its months are out; of items in arrears, the period after too."""
    next_day = offer.starts_on
    periods = BillingPeriod.objects.filter(
        community=offer.community_id, issued_at__isnull=False, ends_on__gte=offer.starts_on
    )
    for period in periods.order_by("starts_on"):
        if period.starts_on <= next_day:
            next_day = max(next_day, period.ends_on + DAY)
    behind = offer.fee_items.filter(in_arrears=True).exists()
    return next_day > (offer.ends_on + DAY if behind else offer.ends_on)


def _of_offer(offer: EarlyPaymentOffer, account_ids: Collection[int]) -> Iterable[Chance]:
    found_uses = OfferUse.objects.filter(offer=offer, account__in=account_ids)
    uses = {use.account_id: use for use in found_uses.select_related("credit_entry__reversed_by")}
    lines = discounts.lines_of(offer, account_ids)
    if offer.state == EarlyPaymentOffer.State.WITHDRAWN:
        lines = lines.filter(account__in=uses)
    # Whoever is cleared has nothing to come for the days up to then: his note says so.
    lines = lines.exclude(~Q(account__in=uses), account__cleared_until__gte=F("starts_on"))
    gone = _last_days(lines.filter(taken_back()))
    standing = lines.standing()
    last = _last_days(standing) if gone else {}
    columns = ("account", "pk", "bill", "left", "open_amount")
    rows = (
        discounts.with_left(standing.with_open())
        .order_by("account", "bill__due_on", "bill", "pk")
        .values_list(*columns)
    )
    by_account: dict[int, list[tuple[int, int, Decimal, Decimal]]] = defaultdict(list)
    for account_id, *line in rows:
        by_account[account_id].append(tuple(line))
    for account_id, found in by_account.items():
        base = sum(to_fen(left) for _pk, _bill, left, _open in found)
        if base > 0:
            chance = Chance(
                offer,
                account_id,
                tuple(pk for pk, _bill, _left, _open in found),
                tuple(dict.fromkeys(bill for _pk, bill, _left, opened in found if opened)),
                tuple(dict.fromkeys(bill for _pk, bill, _left, _open in found)),
                base,
                sum(to_fen(opened) for _pk, _bill, _left, opened in found),
                shortened=account_id in gone and gone[account_id] > last[account_id],
                use=uses.get(account_id),
            )
            if chance.use is None or chance.fen > 0:
                yield chance


def _last_days(lines: ChargeQuerySet) -> dict[int, datetime.date]:
    """By account: the last day of the lines."""
    return dict(
        lines.values("account").annotate(last=Max("ends_on")).values_list("account", "last")
    )


def fulfil(entry: CreditEntry, offered: Iterable[Chance], *, just_paid: bool) -> None:
    """Gives the discounts that `entry`, which has settled what it could, completes.

    Money of before may earn them as the last months are billed, but not by days being taken back:
    then only money that was `just_paid` does, or the discount was earned before. The account is
    locked. Once per offer and account, as the database holds too.
    """
    for chance in offered:
        if chance.shortened and not just_paid and chance.use is None:
            continue
        if entry.kind != CreditEntry.Kind.PAYMENT or entry.value_date > chance.offer.pay_by:
            continue
        left = sum(fen for _pk, fen in _open(chance))
        if left > chance.fen or not chance.fen or _paid_late(chance):
            continue
        since = _since(chance.offer)
        if chance.use is None and since and _paid_before(chance, since):
            continue
        # Money of before the offer may earn it; no discount is older than its offer.
        _give(chance, max(entry.value_date, since or entry.value_date))


def _open(chance: Chance) -> list[tuple[int, int]]:
    return discounts.open_fen(Charge.objects.filter(pk__in=chance.charge_ids))


def _give(chance: Chance, value_date: datetime.date) -> None:
    """The discount, in place of a smaller one given before; money freed settles its bills' rest."""
    fen = chance.given + chance.fen
    if chance.use is not None and chance.given:
        discounts.undo([chance.use.credit_entry])
    discount, freed = discounts.give(
        account_id=chance.account_id,
        fen=fen,
        value_date=value_date,
        charge_ids=chance.charge_ids,
    )
    OfferUse.objects.update_or_create(
        offer=chance.offer, account_id=chance.account_id, defaults={"credit_entry": discount}
    )
    others = Charge.objects.filter(bill__in=chance.bill_ids).exclude(pk__in=chance.charge_ids)
    discounts.settle_with(
        [(each.credit_entry.pk, each.fen) for each in freed], discounts.open_fen(others)
    )


def _since(offer: EarlyPaymentOffer) -> datetime.date | None:
    """The day from which an offer holds."""
    return timezone.localdate(offer.approved_at) if offer.approved_at else None


def _paid_before(chance: Chance, since: datetime.date) -> bool:
    """Whether all of the lines were billed and paid before the offer was: nobody paid early for it.

    What is billed later and paid with money of before is paid as early as can be.
    """
    lines = Charge.objects.filter(pk__in=chance.charge_ids)
    if lines.filter(bill__issued_at__gte=chance.offer.approved_at).exists():
        return False
    newer = (
        Allocation.objects.filter(charge__in=chance.charge_ids)
        .values("credit_entry")
        .annotate(net=Sum("amount"), day=Max("credit_entry__value_date"))
        .filter(net__gt=0, day__gte=since)
    )
    return not newer.exists()


def _paid_late(chance: Chance) -> bool:
    """Whether any of the money on the lines is of a day after the offer's last."""
    days = (
        Allocation.objects.filter(charge__in=chance.charge_ids)
        .values("credit_entry")
        .annotate(net=Sum("amount"), day=Max("credit_entry__value_date"))
        .filter(net__gt=0, day__gt=chance.offer.pay_by)
    )
    return days.exists()


def earned_by(*, bill_ids: Collection[int], on: datetime.date) -> list[Chance]:
    """The offers that are earned if all of these bills are paid on the day `on`."""
    wanted = set(bill_ids)
    accounts = Charge.objects.filter(bill__in=wanted).values_list("account", flat=True).distinct()
    return [
        chance
        for offered in chances(account_ids=list(accounts), on=on).values()
        for chance in offered
        if chance.open_bill_ids and wanted.issuperset(chance.open_bill_ids)
    ]
