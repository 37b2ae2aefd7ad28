"""Comparing a day of a channel with our books, and keeping what differs.

The bill is downloaded outside any transaction. A merchant account may be several communities':
each gets its own reconciliation, with the lines that are its own; lines that no order of ours
explains go to the first community of the account.
"""

import datetime
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from community.models import Community, today
from core.money import ZERO
from payments import providers
from payments.comparison import Difference, Key, compare, fee_due
from payments.models import Reconciliation, ReconciliationLine
from payments.providers.base import (
    BillLine,
    DailyBill,
    LineKind,
    PermanentError,
    Provider,
    TransientError,
)
from payments.services.our_day import Ours, our_side
from payments.services.settling import match_payouts

logger = logging.getLogger(__name__)
State = Reconciliation.State
LineState = ReconciliationLine.State
# Providers make a day's bill in the morning after it.
READY_AT = datetime.time(10)


class ReconcileRefused(Exception):
    """The day cannot be compared; nothing was changed. The message says why."""


@dataclass(frozen=True)
class Done:
    """A reconciliation, and whether this time changed anything of it."""

    reconciliation: Reconciliation
    changed: bool


def provider_of(channel: str) -> type[Provider]:
    """The provider of a channel: wechat, alipay, or the provider's own key.

    Raises ReconcileRefused.
    """
    for key, kind in providers.all_providers().items():
        if channel in (key, kind.method.value):
            return kind
    raise ReconcileRefused(_("there is no channel %(channel)s") % {"channel": channel})


def reconcile(
    *, channel: str, day: datetime.date, community: Community | None = None
) -> list[Done]:
    """Compares a day of `channel`, of all merchant accounts or of one community's.

    The same bill again changes nothing, but what was made good here meanwhile. Raises
    ReconcileRefused: unknown channel, no account, a day without a bill yet, a day signed off whose
    bill is another now; TransientError and PermanentError of the provider.
    """
    kind = provider_of(channel)
    if day > today():
        raise ReconcileRefused(_("this day has not come yet"))
    if community is not None:
        names = [providers.merchant_of(kind, community.code)]
    else:
        names = [name for name in kind.merchants() if kind(name).is_configured()]
    accounts = [kind(name) for name in names if kind(name).is_configured()]
    if not accounts:
        raise ReconcileRefused(_("there is no merchant account for it"))
    found: list[Done] = []
    for provider in accounts:
        found += _reconcile_account(provider, day, community)
    return found


def catch_up(*, on: datetime.date, days: int = 7) -> int:
    """Compares the `days` before `on` that were not compared yet; how many days of accounts.

    A provider that cannot answer now is asked again next time.
    """
    done = 0
    for kind in providers.all_providers().values():
        for name in kind.merchants():
            sharing = communities_of(kind, name)
            if not kind(name).is_configured() or not sharing:
                continue
            for back in range(1, days + 1):
                day = on - datetime.timedelta(days=back)
                known = Reconciliation.objects.filter(
                    provider=kind.key, merchant=name, day=day, community__in=sharing
                )
                if known.exists():
                    continue
                try:
                    _reconcile_account(kind(name), day, None)
                except (ReconcileRefused, TransientError, PermanentError) as error:
                    logger.warning("reconciling %s %s %s: %s", kind.key, name, day, error)
                    continue
                done += 1
    return done


def communities_of(kind: type[Provider], merchant: str) -> list[int]:
    """The communities whose money goes to a merchant account, the first first."""
    named = [name for name in kind.merchants() if name]
    found = Community.objects.order_by("pk")
    found = found.filter(code=merchant) if merchant else found.exclude(code__in=named)
    return list(found.values_list("pk", flat=True))


def fee_rate(provider: Provider) -> Decimal:
    """The provider's fee as a share of the amount, by its contract."""
    rates: Mapping[str, Decimal] = settings.PAYMENT_FEE_RATES
    return rates.get(f"{provider.key}:{provider.merchant}", rates.get(provider.key, ZERO))


def _reconcile_account(
    provider: Provider, day: datetime.date, only: Community | None
) -> list[Done]:
    sharing = communities_of(type(provider), provider.merchant)
    if not sharing:
        return []
    bill = provider.download_bill(day)
    ready = datetime.datetime.combine(
        day + datetime.timedelta(days=1), READY_AT, timezone.get_current_timezone()
    )
    if not bill.content and timezone.now() < ready:
        raise ReconcileRefused(_("the bill of this day is not there before 10:00 of the next"))
    try:
        done = _store(provider, bill, sharing, only)
    except IntegrityError:
        # Somebody else compared the same day at this moment, and has committed.
        done = _store(provider, bill, sharing, only)
    for one in done:
        match_payouts(one.reconciliation.community)
    return done


@transaction.atomic
def _store(
    provider: Provider, bill: DailyBill, sharing: Sequence[int], only: Community | None
) -> list[Done]:
    ours = our_side(provider, bill)
    keeper = sharing[0]
    theirs: dict[int, list[BillLine]] = defaultdict(list)
    for line in bill.lines:
        theirs[ours.community.get(line.out_trade_no, keeper)].append(line)
    mine: dict[int, set[Key]] = defaultdict(set)
    for key in ours.day:
        mine[ours.community[key[1]]].add(key)
    wanted = {*sharing, *theirs, *mine}
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
    if known is not None and known.state == State.CLOSED:
        figures = _figures(theirs, ours, mine)
        same = all(getattr(known, name) == value for name, value in figures.items())
        if known.digest == bill.digest or same:
            return Done(known, changed=False)
        raise ReconcileRefused(
            _("%(day)s is signed off, but the provider's bill is another now")
            % {"day": bill.day.isoformat()}
        )
    rate = fee_rate(provider)
    found = list(compare(theirs, ours.amounts, mine, rate))
    empty = not theirs and not mine
    row = known or Reconciliation(**named, day=bill.day)
    before = (row.digest, *_figures_of(row), row.fees_due)
    row.digest, row.compared_at = bill.digest, row.compared_at or timezone.now()
    for name, value in _figures(theirs, ours, mine).items():
        setattr(row, name, value)
    row.fees_due = sum((fee_due(line, rate) for line in theirs), ZERO)
    if empty and not row.pk:
        row.state, row.closed_at = State.CLOSED, timezone.now()
    changed = known is None or before != (row.digest, *_figures_of(row), row.fees_due)
    if changed:
        row.compared_at = timezone.now()
        row.save()
    return Done(row, _store_lines(row, found, ours) or changed)


_FIGURES = ("their_lines", "their_paid", "their_refunded", "fees")
_OUR_FIGURES = ("our_lines", "our_paid", "our_refunded")


def _figures_of(row: Reconciliation) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _FIGURES + _OUR_FIGURES)


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
        state = LineState(line.state)
        if state == LineState.SETTLED:
            continue
        line.state = LineState.OPEN if key in wanted else LineState.GONE
        if key in wanted:
            line.theirs, line.ours = wanted[key].theirs, wanted[key].ours
        moved.append((line, line.state != state))
    ReconciliationLine.objects.bulk_update(
        [line for line, _moved in moved], ["state", "theirs", "ours"], batch_size=2_000
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
