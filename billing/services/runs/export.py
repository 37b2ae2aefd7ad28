"""Charges as a table file, for the office and for whoever checks us."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from billing.models import Charge
from community.models import Community
from core import tables

HEADER = (
    "房屋",
    "付款人",
    "付款人手机",
    "费目",
    "起",
    "止",
    "数量",
    "单价",
    "月数",
    "系数",
    "金额",
)
_PERIOD = "bill__run__period__"
_FIELDS = (
    "account__unit__code",
    "account__party__name",
    "account__party__phone",
    "fee_item__name",
    "starts_on",
    "ends_on",
    "quantity",
    "unit_price",
    "months",
    "factor",
    "amount",
)


def _standing(community: Community, starts_on: date, ends_on: date) -> QuerySet[Any]:
    afterwards = Q(fee_item__in_arrears=True)
    return (
        Charge.objects.filter(account__community=community, bill__isnull=False)
        .standing()
        .annotate(
            billed_from=Coalesce("bill__run__corrects__period__starts_on", _PERIOD + "starts_on"),
            billed_to=Coalesce("bill__run__corrects__period__ends_on", _PERIOD + "ends_on"),
        )
        .filter(
            afterwards & Q(ends_on__range=(starts_on, ends_on))
            | ~afterwards & Q(billed_from__gte=starts_on, billed_to__lte=ends_on)
        )
    )


def export_charges(
    *, community: Community, starts_on: date, ends_on: date, output: Path | str
) -> int:
    """Write the charges that stand for periods between two days; returns how many there are.

    What was taken back is left out, and a correction counts where what it corrects does. Items that
    are billed afterwards count by their own days: the water of the first quarter is on the bills of
    the second. Units in natural order, lines in the order of the fee items. The name of the file
    decides: .xlsx or CSV. Raises TableRefused if nothing was issued or the file cannot be written.
    """
    found = _standing(community, starts_on, ends_on).order_by(
        "account__unit__sort_key",
        "account__unit_id",
        "billed_from",
        "fee_item__position",
        "fee_item_id",
        "starts_on",
        "id",
    )
    if not found.exists():
        raise tables.refuse_file(_("no bills of these months are issued"))
    written = 0

    def rows() -> Iterator[tuple[object, ...]]:
        nonlocal written
        for row in found.values_list(*_FIELDS).iterator(chunk_size=5000):
            written += 1
            yield row

    try:
        tables.write_table(output, HEADER, rows())
    except OSError as error:
        raise tables.refuse_file(
            _("the file cannot be written: %(reason)s") % {"reason": error.strerror}
        ) from error
    return written
