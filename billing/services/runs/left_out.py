"""What of a payer's days no bill can hold yet, because nobody has told it.

Water is billed as far as the meter was read, at a payer's last day as at a transfer; a shared cost
when it is recorded, to whoever pays on its own last day.
"""

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing import calculation as calc
from billing.calculation.spans import ONE_DAY
from billing.calculation.tariffs import BY_METER, BY_SHARE, Tariff, TariffBook
from billing.models import BillingPeriod, BillingSettings, FeeItem, Meter, SharedCost
from billing.services.meters.metering import History, histories
from billing.services.runs import facts, periods
from community.models import Community, Occupancy, Party, Unit


class Why(StrEnum):
    """Why days are on no bill."""

    NOT_READ = "not_read"
    NO_READING_BEFORE = "no_reading_before"  # read at the end, but nothing to count from
    BACKWARD = "backward"  # read at the end, below the figure before
    NO_COST = "no_cost"  # a shared cost that should have ended by then is not recorded
    COST_TO_COME = "cost_to_come"  # the cost ends later: by the rule the next payer's


@dataclass(frozen=True)
class LeftOut:
    """Days, both inclusive, of which an item is not billed to who leaves, and why."""

    item: FeeItem
    starts_on: datetime.date
    ends_on: datetime.date
    why: Why

    @property
    def is_metered(self) -> bool:
        return self.why not in (Why.NO_COST, Why.COST_TO_COME)

    @property
    def is_his(self) -> bool:
        """Whether it would be his to pay, if it were known."""
        return self.why is not Why.COST_TO_COME

    def as_json(self) -> dict[str, Any]:
        return {
            "item": self.item.name,
            "from": self.starts_on.isoformat(),
            "to": self.ends_on.isoformat(),
            "why": self.why.value,
        }


def closing_day(community: Community, day: datetime.date) -> datetime.date:
    """On which day a reading closes the usage of who pays up to `day`, the last.

    As at a transfer that is the day after; at a period's end the period's own last day, whose
    reading is billed to who pays then.
    """
    return day if day == _period_end(community, day) else day + ONE_DAY


def _period_end(community: Community, day: datetime.date) -> datetime.date:
    issued = BillingPeriod.objects.filter(
        community=community, issued_at__isnull=False, starts_on__lte=day, ends_on__gte=day
    ).first()
    if issued is not None:
        return issued.ends_on
    spans = periods.spans_after_issued(community, until=day)
    return spans[-1].ends_on if spans else day


def left_out(*, unit: Unit, party: Party, day: datetime.date) -> list[LeftOut]:
    """What of `party`'s days at a unit up to `day`, his last, is on no bill, by item in order."""
    since = _since(unit, party, day)
    if since is None or unit.handover_date is None or unit.handover_date > day:
        return []
    since = max(since, unit.handover_date)
    span = calc.Span(day, day)
    book = TariffBook(facts.tariffs_of(unit.community, span), span)
    place = calc.Place(unit.pk, unit.kind, unit.building_id, unit.area, unit.handover_date)
    tariffs = [tariff for tariff, _days in book.in_force(book.scope(place))]
    items = FeeItem.objects.in_bulk({tariff.item for tariff in tariffs})
    known = _histories(unit, [t.item for t in tariffs if t.method in BY_METER])
    found = []
    for tariff in tariffs:
        item = items[tariff.item]
        if tariff.method in BY_METER:
            found.append(_of_meter(item, known.get(item.pk, History()), unit, since, day))
        elif tariff.method in BY_SHARE:
            found.append(_of_costs(item, tariff, unit, since, day))
    return [each for each in found if each is not None]


def _since(unit: Unit, party: Party, day: datetime.date) -> datetime.date | None:
    """Since when he has paid without a break."""
    paid = Occupancy.objects.payers().filter(unit=unit, party=party, starts_on__lte=day)
    last = paid.order_by("-starts_on").first()
    return last.starts_on if last else None


def _histories(unit: Unit, items: list[int]) -> dict[int, History]:
    meters = dict(
        Meter.objects.filter(unit=unit, fee_item__in=items).values_list("pk", "fee_item_id")
    )
    return {meters[pk]: history for pk, history in histories(meters).items()}


def _of_meter(
    item: FeeItem, history: History, unit: Unit, since: datetime.date, day: datetime.date
) -> LeftOut | None:
    closing = {day + ONE_DAY, closing_day(unit.community, day)}
    at_end = next((each for each in history.series() if each.shown.day in closing), None)
    known = history.before(at_end.shown.day if at_end else min(closing))
    if at_end is None:
        start = max(known[-1].shown.day, since) if known else since
        return LeftOut(item, min(start, day), day, Why.NOT_READ)
    if not known:
        return LeftOut(item, since, day, Why.NO_READING_BEFORE)
    if at_end.total < known[-1].total:
        return LeftOut(item, max(known[-1].shown.day, since), day, Why.BACKWARD)
    return None


def _of_costs(
    item: FeeItem, tariff: Tariff, unit: Unit, since: datetime.date, day: datetime.date
) -> LeftOut | None:
    """Whether a cost that he shares is not recorded yet: the next one lasts as long as the last."""
    costs = SharedCost.objects.filter(fee_item=item, starts_on__lte=day)
    here = costs.filter(building=None) | costs.filter(building=unit.building_id)
    last = here.order_by("-ends_on").first()
    if last is not None and last.ends_on >= day:
        return None
    start = last.ends_on + ONE_DAY if last else max(since, tariff.span.start)
    ends = _end_after(start, _months(last) if last else BillingSettings.of(unit.community).cycle)
    why = Why.NO_COST if ends <= day else Why.COST_TO_COME
    return LeftOut(item, max(start, since, tariff.span.start), day, why)


def _months(cost: SharedCost) -> int:
    """How many months a cost lasted, at least one."""
    end = cost.ends_on + ONE_DAY
    return max(1, (end.year - cost.starts_on.year) * 12 + end.month - cost.starts_on.month)


def _end_after(start: datetime.date, months: int) -> datetime.date:
    """The last day of so many months that begin in the month of `start`."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return datetime.date(year, month + 1, 1) - ONE_DAY
