"""Versions of the late fee rule: a new one begins on a day, old ones stay for their bills."""

import datetime
from decimal import Decimal

from django.db import transaction

from billing.models import LateFeePolicy
from community.models import Community, today


class StartsTooEarly(Exception):
    """A new version may not reach back; carries the first day on which it may begin."""

    def __init__(self, earliest: datetime.date) -> None:
        super().__init__(f"a new version may begin on {earliest} at the earliest")
        self.earliest = earliest


def earliest_start(community: Community) -> datetime.date | None:
    """The first day for a new version; None where there is none yet: any day will do.

    A later rule begins after the one before and never in the past: what is due keeps its rule.
    """
    last = LateFeePolicy.objects.filter(community=community).order_by("-starts_on").first()
    if last is None:
        return None
    return max(today(), last.starts_on + datetime.timedelta(days=1))


@transaction.atomic
def new_policy(
    *,
    community: Community,
    starts_on: datetime.date,
    daily_rate: Decimal,
    grace_days: int = 0,
    cap: Decimal | None = None,
    legal_basis: str = "",
) -> LateFeePolicy:
    """A rule for bills due from `starts_on`; `daily_rate` and `cap` are shares (0.0005 is 0.05 %).

    The version before ends the day before. The very same again returns what there is. Raises
    StartsTooEarly.
    """
    Community.objects.select_for_update().get(pk=community.pk)
    wanted = {
        "community": community,
        "starts_on": starts_on,
        "daily_rate": daily_rate,
        "grace_days": grace_days,
        "cap": cap,
        "legal_basis": legal_basis.strip(),
    }
    known = LateFeePolicy.objects.filter(**wanted).first()
    if known is not None:
        return known
    earliest = earliest_start(community)
    if earliest is not None and starts_on < earliest:
        raise StartsTooEarly(earliest)
    before = LateFeePolicy.objects.filter(community=community, starts_on__lt=starts_on)
    last = before.order_by("-starts_on").first()
    if last is not None and (last.ends_on is None or last.ends_on >= starts_on):
        last.ends_on = starts_on - datetime.timedelta(days=1)
        last.save(update_fields=["ends_on"])
    return LateFeePolicy.objects.create(**wanted)
