"""Arrears as tables for a spreadsheet."""

import datetime
import io
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from billing.arrears.accounts import InArrears
from billing.arrears.ageing import AGES, Aged, OfBuilding, sum_of
from community.privacy import masked_name, masked_phone
from core import tables

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def buildings_xlsx(buildings: list[OfBuilding]) -> bytes:
    """A row a building, and the sums."""
    header = _("Building"), _("Accounts overdue"), *_ages()
    found = [(each.code, each.accounts, *_amounts(each.aged)) for each in buildings]
    whole = sum_of(buildings)
    return _written(header, [*found, (_("Together"), whole.accounts, *_amounts(whole.aged))])


def accounts_xlsx(accounts: Iterable[InArrears], day: datetime.date) -> bytes:
    """A row an account; names and phones are masked: each look at a whole one is logged."""
    header = (
        *(_("Unit"), _("Payer"), _("Phone"), _("Oldest due date")),
        *(_("Three years end on"), _("Days overdue"), *_ages()),
    )
    return _written(header, _of_accounts(accounts, day))


def _of_accounts(accounts: Iterable[InArrears], day: datetime.date) -> Iterator[tuple[object, ...]]:
    for each in accounts:
        who = each.unit, masked_name(each.name), masked_phone(each.phone) if each.phone else ""
        overdue = max((day - each.oldest).days, 0)
        yield *who, each.oldest, each.limit, overdue, *_amounts(each.aged)


def _ages() -> Iterator[str]:
    yield from (age.label for age in AGES)
    yield from (_("Together"), _("of it past three years"))


def _amounts(aged: Aged) -> Iterator[object]:
    yield from (*aged.amounts, aged.total, aged.past_limit)


def _written(header: Iterable[str], rows: Iterable[tuple[object, ...]]) -> bytes:
    stream = io.BytesIO()
    tables.write_xlsx(stream, list(header), rows)
    return stream.getvalue()
