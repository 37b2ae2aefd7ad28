"""Whether a fee item is shared where and when a cost of it ends, by the standards in force."""

from datetime import date
from typing import NamedTuple

from django.utils.translation import gettext as _

from billing import calculation as calc
from billing.calculation.tariffs import BY_SHARE, Scope, TariffBook
from billing.models import Tariff
from billing.services.runs import facts
from community.models import Community


class _Place(NamedTuple):
    """Units that have the same tariffs."""

    building: int
    scope: Scope


class WhatIsShared:
    """The standards of a community on some days, as far as costs to be shared have to know them.

    The rule is that of `share_cost`: a unit shares a cost if the tariff that it has for the item on
    the cost's last day is a shared one.
    """

    def __init__(self, community: Community, days: calc.Span) -> None:
        self.book = TariffBook(facts.tariffs_of(community, days), days)
        places = facts.places(community)
        self.places = {_Place(place.building, self.book.scope(place)) for place in places}

    def refusal(self, *, item: int, building: int | None, day: date) -> str:
        """Why a cost of an item, in a building or in all (None), cannot end on a day; '' if it can.

        It can as long as no tariff of the item is in force there: that may come later.
        """
        found = {
            tariff
            for place in self.places
            if building in (None, place.building)
            and (tariff := self.book.on(day, item=item, scope=place.scope))
        }
        if not found or any(tariff.method in BY_SHARE for tariff in found):
            return ""
        tariff = min(found, key=lambda tariff: tariff.id)
        return _(
            "is not shared on %(day)s: its tariff from %(start)s is charged by “%(method)s”"
        ) % {
            "day": day,
            "start": tariff.span.start,
            "method": Tariff.Method(tariff.method).label,
        }
