"""Comparing a day of a channel with our books, and keeping what differs.

The bill is downloaded outside any transaction. A merchant account may be several communities':
each gets its own reconciliation, with the lines that are its own; lines that no order of ours
explains go to the first community of the account.
"""

import datetime
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from community.models import Community, today
from payments import providers
from payments.models import PaymentOrder, Reconciliation
from payments.providers.base import Provider
from payments.services.channels.our_day import span
from payments.services.channels.settling import match_payouts
from payments.services.channels.storing_days import Done, ReconcileRefused, store_day

# Providers make a day's bill in the morning after it.
READY_AT = datetime.time(10)


def provider_of(channel: str) -> type[Provider]:
    """The provider of a channel: wechat, alipay, or the provider's own key.

    Raises ReconcileRefused.
    """
    for key, kind in providers.all_providers().items():
        if channel in (key, kind.method.value):
            return kind
    raise ReconcileRefused(_("There is no channel %(channel)s.") % {"channel": channel})


def newest_with_bill(now: datetime.datetime) -> datetime.date:
    """The last day whose bill a provider has made at `now`, a time in China."""
    back = 1 if now.time() >= READY_AT else 2
    return now.date() - datetime.timedelta(days=back)


def reconcile(
    *, channel: str, day: datetime.date, community: Community | None = None
) -> list[Done]:
    """Compares a day of `channel`, of all merchant accounts or of those of one community.

    The same bill again changes nothing, but what was made good here meanwhile. Raises
    ReconcileRefused: unknown channel, no account, a day without a bill yet, a day signed off whose
    bill is another now; TransientError and PermanentError of the provider.
    """
    kind = provider_of(channel)
    if day > today():
        raise ReconcileRefused(_("This day has not come yet."))
    if community is not None:
        names = _accounts_of(community, kind, day)
    else:
        names = [name for name in kind.merchants() if kind(name).is_configured()]
    accounts = [kind(name) for name in names if kind(name).is_configured()]
    if not accounts:
        raise ReconcileRefused(_("There is no merchant account for it."))
    found: list[Done] = []
    for provider in accounts:
        found += reconcile_account(provider, day, community)
    return found


def _accounts_of(community: Community, kind: type[Provider], day: datetime.date) -> list[str]:
    """The merchant accounts that have money of the community's on a day: its own of today, and
    those that it was compared with or whose orders were paid then."""
    of_it: dict[str, Any] = {"community": community, "provider": kind.key}
    start, end = span(day)
    found = {providers.merchant_of(kind, community.code)}
    found.update(Reconciliation.objects.filter(**of_it, day=day).values_list("merchant", flat=True))
    orders = PaymentOrder.objects.filter(**of_it, paid_at__gte=start, paid_at__lt=end)
    return sorted(found.union(orders.values_list("merchant", flat=True)))


def communities_of(kind: type[Provider], merchant: str) -> list[int]:
    """The communities whose money goes to a merchant account, the first first."""
    named = [name for name in kind.merchants() if name]
    found = Community.objects.order_by("pk")
    found = found.filter(code=merchant) if merchant else found.exclude(code__in=named)
    return list(found.values_list("pk", flat=True))


def reconcile_account(
    provider: Provider,
    day: datetime.date,
    only: Community | None = None,
    without: Collection[int] = (),
) -> list[Done]:
    """A day of an account: for all its communities, for one, or for all `without` some.

    Raises as `reconcile`.
    """
    # An account that nobody uses any more may still have somebody's days.
    sharing = communities_of(type(provider), provider.merchant) or ([only.pk] if only else [])
    if not sharing:
        return []
    bill = provider.download_bill(day)
    if not bill.content and day > newest_with_bill(timezone.localtime()):
        raise ReconcileRefused(
            _(
                "The bill of this day is not there before 10:00 of the next day. Nothing was "
                "changed; please ask again then."
            )
        )
    if not bill.content and _had_a_bill(provider, day):
        raise ReconcileRefused(
            _(
                "The channel has no bill of this day any more; what was compared before stays. "
                "Channels keep their bills for some months only."
            )
        )
    try:
        done = store_day(provider, bill, sharing, only, without)
    except IntegrityError:
        # Somebody else compared the same day at this moment, and has committed.
        done = store_day(provider, bill, sharing, only, without)
    for one in done:
        match_payouts(one.reconciliation.community)
    return done


def _had_a_bill(provider: Provider, day: datetime.date) -> bool:
    account = {"provider": provider.key, "merchant": provider.merchant}
    return Reconciliation.objects.filter(**account, day=day, their_lines__gt=0).exists()
