"""What channels paid out, against the bank: matching, by itself and by hand, and the sign-off.

Communities that share a merchant account are paid out together, so days are matched by account:
each community gets its own part. Every function locks the communities first, in one order.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from community.models import Community, User
from core.money import ZERO
from payments.models import BankLine, Reconciliation, SettlementEntry, SettlementMonth
from payments.reconciliation.payouts import REACH, AccountDay, Payout, match, shares
from payments.reconciliation.settlement import Month, net_and_entries

Account = tuple[str, str]  # provider and merchant account


class CannotSettle(Exception):
    """It cannot be settled that way; nothing was changed. The code says why."""


@dataclass
class OpenDays:
    """Outstanding days of merchant accounts, of all communities that share them."""

    parts: dict[tuple[Account, datetime.date], list[tuple[int, Decimal]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def days(self) -> list[AccountDay]:
        """Each day once, with what is outstanding of it in all."""
        return [
            AccountDay(account, day, sum((amount for _pk, amount in parts), ZERO))
            for (account, day), parts in self.parts.items()
        ]

    def of(self, days: Iterable[AccountDay]) -> list[tuple[int, Decimal]]:
        """Whose the days are: reconciliations with what is outstanding of each."""
        return [part for one in days for part in self.parts[one.account, one.day]]


def open_days(
    accounts: Collection[Account], *, first: datetime.date, last: datetime.date
) -> OpenDays:
    """What is outstanding of the accounts between two days, both included."""
    found = OpenDays()
    if not accounts:
        return found
    mine = Q()
    for provider, merchant in accounts:
        mine |= Q(provider=provider, merchant=merchant)
    rows = net_and_entries(Reconciliation.objects.filter(mine, day__gte=first, day__lte=last))
    for row in rows.exclude(outstanding=0).order_by("day", "pk"):
        found.parts[(row.provider, row.merchant), row.day].append((row.pk, row.outstanding))
    return found


def accounts_of(community: Community) -> list[Account]:
    """The merchant accounts with which days of the community were compared."""
    found = Reconciliation.objects.filter(community=community).order_by()
    return list(found.values_list("provider", "merchant").distinct())


# --- by itself ------------------------------------------------------------------------------


def match_payouts(community: Community) -> int:
    """Matches the community's payouts that leave no doubt; how many. Again changes nothing."""
    if not community.bank_lines.waiting().exists():
        return 0
    with transaction.atomic():
        _lock_sharing(community)
        lines = list(community.bank_lines.waiting().order_by("booked_on", "pk"))
        if not lines:
            return 0
        found = open_days(
            accounts_of(community),
            first=lines[0].booked_on - REACH,
            last=lines[-1].booked_on,
        )
        payouts = [Payout(one.pk, one.provider, one.booked_on, one.amount) for one in lines]
        sure = match(payouts, found.days())
        SettlementEntry.objects.bulk_create(
            SettlementEntry(reconciliation_id=pk, line_id=line, amount=amount)
            for line, run in sure.items()
            for pk, amount in found.of(run)
        )
        return len(sure)


# --- by hand --------------------------------------------------------------------------------


@transaction.atomic
def match_line(line_id: int, *, days: Sequence[int], by: User) -> list[SettlementEntry]:
    """Says that a payout is for the days of these reconciliations, the community's own.

    Each day gets what is outstanding of it, the last of them what is more or less: that stays
    outstanding until it is explained. A line that is matched already stays as it is. Raises
    CannotSettle: no day, another channel's day or account, a day after the money, days that are
    more than the money could be for, a line that is no payout.
    """
    line = _locked_line(line_id)
    if not BankLine.objects.waiting().filter(pk=line.pk).exists():
        if line.use != BankLine.Use.CHANNEL:
            raise CannotSettle("no_payout")
        return list(line.entries.filter(undone_at=None))
    chosen = Reconciliation.objects.filter(pk__in=days, community=line.community)
    rows = list(chosen.order_by("day", "pk"))
    accounts = {(row.provider, row.merchant) for row in rows}
    if len(accounts) != 1 or {account[0] for account in accounts} != {line.provider}:
        raise CannotSettle("days")
    if rows[-1].day >= line.booked_on:
        raise CannotSettle("later")
    found = open_days(accounts, first=rows[0].day, last=rows[-1].day)
    [account] = accounts
    parts = [part for row in rows for part in found.parts.get((account, row.day), [])]
    if not parts:
        raise CannotSettle("days")
    # What is more or less than expected stays with this community.
    own = {row.pk for row in rows}
    parts.sort(key=lambda part: part[0] in own)
    shared_out = shares(parts, line.amount)
    if shared_out[-1][1] <= 0 < parts[-1][1]:
        raise CannotSettle("much")
    return SettlementEntry.objects.bulk_create(
        SettlementEntry(reconciliation_id=pk, line=line, amount=amount, made_by=by)
        for pk, amount in shared_out
        if amount
    )


@transaction.atomic
def set_aside(line_id: int, *, by: User) -> BankLine:
    """It is somebody's own transfer through the channel, not a payout: a payer's, as any other.

    Raises CannotSettle when it is matched with days.
    """
    line = _locked_line(line_id)
    if line.use == BankLine.Use.CHANNEL:
        if line.entries.filter(undone_at=None).exists():
            raise CannotSettle("matched")
        _decide(line, BankLine.Use.PAYER, by)
    return line


@transaction.atomic
def take_up(line_id: int, *, by: User) -> BankLine:
    """It is a payout after all. Raises CannotSettle when its name is no channel's."""
    line = _locked_line(line_id)
    if not line.provider:
        raise CannotSettle("no_payout")
    if line.use != BankLine.Use.CHANNEL:
        _decide(line, BankLine.Use.CHANNEL, by)
    return line


def _decide(line: BankLine, use: BankLine.Use, by: User) -> None:
    line.use, line.decided_by, line.decided_at = use, by, timezone.now()
    line.save(update_fields=["use", "decided_by", "decided_at"])


@transaction.atomic
def explain(reconciliation_id: int, *, by: User, words: str) -> SettlementEntry | None:
    """What is outstanding of a day will not come (or came too much), for a reason.

    None when nothing is outstanding. Raises CannotSettle without words.
    """
    if not words.strip():
        raise CannotSettle("words")
    row = Reconciliation.objects.select_related("community").get(pk=reconciliation_id)
    _lock_sharing(row.community)
    left: Decimal = net_and_entries(Reconciliation.objects.filter(pk=row.pk)).get().outstanding
    if not left:
        return None
    return SettlementEntry.objects.create(
        reconciliation=row, amount=left, words=words.strip()[:500], made_by=by
    )


@transaction.atomic
def take_back(entry_id: int, *, by: User) -> int:
    """Takes an entry back, and with it all others of its line of the bank; how many.

    Raises CannotSettle when a month of theirs is signed off.
    """
    entry = SettlementEntry.objects.select_related("reconciliation__community").get(pk=entry_id)
    _lock_sharing(entry.reconciliation.community)
    together = SettlementEntry.objects.filter(undone_at=None)
    together = (
        together.filter(line=entry.line_id) if entry.line_id else together.filter(pk=entry_id)
    )
    signed_off = SettlementMonth.objects.filter(
        community=OuterRef("reconciliation__community"),
        month__year=OuterRef("reconciliation__day__year"),
        month__month=OuterRef("reconciliation__day__month"),
    )
    if together.filter(Exists(signed_off)).exists():
        raise CannotSettle("signed_off")
    return together.update(undone_by=by, undone_at=timezone.now())


@transaction.atomic
def sign_off_month(month: datetime.date, *, community: Community, by: User) -> SettlementMonth:
    """Signs a month off; from then on none of its entries can be taken back.

    Raises CannotSettle with what is in the way (`Month.obstacles`).
    """
    _lock_sharing(community)
    known = SettlementMonth.objects.filter(community=community, month=month).first()
    if known is not None:
        return known
    found = Month(community, month)
    if obstacles := found.obstacles():
        raise CannotSettle(obstacles[0])
    sums = found.sums
    return SettlementMonth.objects.create(
        community=community,
        month=month,
        net=sums.net,
        arrived=sums.arrived,
        explained=sums.explained,
        closed_by=by,
    )


# --- what they share ------------------------------------------------------------------------


def _locked_line(line_id: int) -> BankLine:
    """The line, under the locks of all communities that it may concern."""
    found = BankLine.objects.select_related("community").get(pk=line_id)
    _lock_sharing(found.community)
    return BankLine.objects.select_for_update(of=("self",)).get(pk=line_id)


def _lock_sharing(community: Community) -> None:
    """Waits for all who settle days of the same merchant accounts, until the transaction ends."""
    mine = Reconciliation.objects.filter(community=community)
    shared = Reconciliation.objects.filter(
        Exists(mine.filter(provider=OuterRef("provider"), merchant=OuterRef("merchant")))
    )
    wanted = {community.pk, *shared.order_by().values_list("community_id", flat=True).distinct()}
    list(Community.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
