"""The fee notice: what is owed for which unit and period, by when, and every way to pay it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext

from billing.models import Bill, Charge
from core.money import ZERO, plain_yuan
from notices.content.short import LONGEST_PARAM, ShortText, unit_list
from notices.models import Notice


def context(notice: Notice) -> dict[str, Any]:
    """What the fee notice's templates show of one notice."""
    return contexts([notice])[notice.pk]


def contexts(notices: Sequence[Notice]) -> dict[int, dict[str, Any]]:
    """The same for many notices, in three queries however many they are."""
    told = Notice.bills.through.objects.filter(notice__in=notices).values_list(
        "notice_id", "bill_id"
    )
    notice_of: dict[int, int] = {bill_id: notice_id for notice_id, bill_id in told}
    bills = (
        Bill.objects.filter(pk__in=notice_of)
        .with_open()
        .select_related("account__unit__community", "run__period", "run__corrects__period")
        .order_by("account__unit__sort_key")
    )
    lines = _lines(notice_of)
    grouped: dict[int, list[Bill]] = defaultdict(list)
    for bill in bills:
        bill.items = lines[bill.pk]  # type: ignore[attr-defined]
        grouped[notice_of[bill.pk]].append(bill)
    return {notice.pk: _context(notice, grouped[notice.pk]) for notice in notices}


def memo(unit_codes: Iterable[str], name: str) -> str:
    """What a payer writes on a bank transfer so that it finds its way: units and payer's name.

    The same two pieces of evidence as on the page of transfer instructions.
    """
    return f"{'+'.join(dict.fromkeys(unit_codes))} {name}".strip()


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    """Name, unit, period, amount and deadline; nothing to pay is another text."""
    params = {
        "name": notice.party.name if notice.party else "",
        "unit": unit_list([bill.account.unit.code for bill in context["bills"]]),
        "period": str(context["period"]),
    }
    if context["open_total"] == 0:
        return ShortText("fee_settled", params | {"amount": plain_yuan(context["total"])})
    due = formats.date_format(context["due_on"], "DATE_FORMAT")
    asked = {"amount": plain_yuan(context["open_total"]), "due": due}
    return ShortText("fee", params | asked | {"pay": _where_to_pay(context["pay_url"])})


def _where_to_pay(url: str) -> str:
    """The page's address where it is short enough: cut off it would lead nowhere."""
    return url if len(url) <= LONGEST_PARAM else gettext("the residents' portal")


def _lines(bill_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """Per bill its amounts by fee item, in the order of the items."""
    rows = (
        Charge.objects.filter(bill__in=list(bill_ids))
        .values("bill_id", "fee_item__name")
        .annotate(amount=Sum("amount"))
        .order_by("fee_item__position", "fee_item_id")
    )
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        lines[row["bill_id"]].append({"name": row["fee_item__name"], "amount": row["amount"]})
    return lines


def _context(notice: Notice, bills: list[Any]) -> dict[str, Any]:
    total = sum((bill.amount for bill in bills), ZERO)
    open_total = sum((bill.open_amount for bill in bills), ZERO)
    return {
        "bills": bills,
        "period": bills[0].run.title if bills else None,
        "due_on": min((bill.due_on for bill in bills), default=None),
        "total": total,
        "open_total": open_total,
        "settled": total - open_total,
        "memo": memo(
            (bill.account.unit.code for bill in bills), notice.party.name if notice.party else ""
        ),
        "pay_url": f"{settings.SITE_URL}{reverse('payments:pay')}",
    }
