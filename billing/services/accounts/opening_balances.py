"""Opening balances (期初余额): what a company that moves here brings along, by file."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _

from billing.models import Account, Charge, CreditEntry, FeeItem, OpeningBalance
from billing.services.lookups import add_fee_items, fee_items
from community.models import Community, today
from community.services import contact_columns
from community.services.imports import (
    UNIT_COLUMNS,
    Imported,
    Problems,
    Source,
    find_unit,
    unit_code,
    units_by_code,
    writing_to,
)
from community.services.owners import Key, Parties
from core import tables

COLUMNS = (
    *UNIT_COLUMNS,
    tables.Column("付款人", "payer", tables.text(max_length=100)),
    tables.Column("手机号", "phone", contact_columns.phone, optional=True, blank=""),
    # Of what is owed all four are needed; a prepayment may be for nothing in particular.
    tables.Column("费目", "item", tables.text(max_length=50), optional=True, blank=""),
    tables.Column("起", "starts_on", tables.day(), optional=True),
    tables.Column("止", "ends_on", tables.day(), optional=True),
    tables.Column("到期日", "due_on", tables.day(), optional=True),
    tables.Column("金额", "amount", tables.money()),
)
OF_ARREARS = (("费目", "item"), ("起", "starts_on"), ("止", "ends_on"), ("到期日", "due_on"))


class _Key(NamedTuple):
    """What makes two rows the same row."""

    unit: str  # its code
    payer: Key
    item: str
    starts_on: date | None
    ends_on: date | None


class _Known(NamedTuple):
    """What stands for a key: on record (row 0) or in an earlier row of the file."""

    row: int
    amount: Decimal
    due_on: date | None


class _New(NamedTuple):
    unit: int
    key: _Key
    due_on: date | None
    amount: Decimal


def import_opening_balances(
    *,
    source: Source,
    community: Community,
    dry_run: bool = False,
    new_items: Collection[str] = (),
) -> Imported:
    """Take over what payers owe (+) or prepaid (−); no bill is invented, arrears age by due date.

    A payer is a name and phone; without a phone he is whoever of that name is on the unit's
    register. One who is not on record gets an account, and lives nowhere. A row that is on record
    changes nothing. `new_items` are fee items that only old arrears name and no tariff; the file
    adds them. Raises TableRefused with every bad row, among them one of an unknown fee item, or one
    that says another amount or due date than the record; then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    with writing_to(community, dry_run=dry_run):
        new = _Reading(community, problems, new_items).new(rows)
        problems.refuse()
        _write(community, new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


class _Reading:
    """Compares the rows of a file with what is on record."""

    def __init__(
        self, community: Community, problems: Problems, new_items: Collection[str]
    ) -> None:
        self.problems = problems
        self.units = units_by_code(community)
        self.items = {"", *new_items, *fee_items(community)}
        self.of_unit = _people(community)
        self.known: dict[_Key, _Known] = {}
        found = OpeningBalance.objects.filter(account__community=community)
        for unit, name, phone, item, start, end, due, amount in found.values_list(
            "account__unit__code",
            "account__party__name",
            "account__party__phone",
            "fee_item__name",
            "starts_on",
            "ends_on",
            "due_on",
            "amount",
        ).iterator():
            self.known[_Key(unit, (name, phone), item or "", start, end)] = _Known(0, amount, due)

    def new(self, rows: Iterable[tables.Row]) -> list[_New]:
        """What is not on record, in the order of the file."""
        return [found for row in rows if (found := self._new(row))]

    def _new(self, row: tables.Row) -> _New | None:
        unit = find_unit(row, self.units, self.problems)
        self._name_nonsense(row)
        if not unit_code(row) or not row.reads("payer", "phone", *_Key._fields[2:]):
            return None
        key = _Key(unit_code(row), self._payer(row), row["item"], row["starts_on"], row["ends_on"])
        if not self._is_first(row, key) or unit is None:
            return None
        return _New(unit.id, key, row["due_on"], row["amount"])

    def _name_nonsense(self, row: tables.Row) -> None:
        """What is wrong with a row whatever the others and the record say."""
        if row.reads("item") and row["item"] not in self.items:
            message = _("is not a fee item: import its tariff first, or name it with --new-item")
            self.problems.add(row, "费目", message)
        self.problems.add_reversed(row, "止", first="starts_on", last="ends_on")
        if not row.reads("amount"):
            return
        if row["amount"] == 0:
            self.problems.add(row, "金额", _("is nothing owed and nothing prepaid"))
        for header, name in OF_ARREARS:
            if row["amount"] > 0 and row.reads(name) and not row[name]:
                self.problems.add(row, header, _("must not be blank for what is owed"))

    def _is_first(self, row: tables.Row, key: _Key) -> bool:
        """Whether nothing is said of a key yet; notes a problem if anything but the same is."""
        if not row.reads("amount", "due_on"):
            return False
        known = self.known.setdefault(key, _Known(row.number, row["amount"], row["due_on"]))
        if known.row == row.number:
            return True
        if known.row:
            message = _("is the same payer, item and days as in row %(row)s") % {"row": known.row}
            self.problems.add(row, "费目", message)
            return False
        message = _("differs from %(amount)s, which is on record")
        if known.amount != row["amount"]:
            self.problems.add(row, "金额", message % {"amount": known.amount})
        if known.due_on != row["due_on"]:
            self.problems.add(row, "到期日", message % {"amount": known.due_on})
        return False

    def _payer(self, row: tables.Row) -> Key:
        """Name and phone; a phone that the file leaves out is taken from the unit's register."""
        at_unit = self.of_unit.get(unit_code(row), ())
        phones = {phone for name, phone in at_unit if name == row["payer"]}
        if not row["phone"] and len(phones) == 1:
            return row["payer"], phones.pop()
        return row["payer"], row["phone"]


def _people(community: Community) -> dict[str, set[Key]]:
    """Who has to do with each unit, by its code: who lives or lived there, who has an account."""
    people: dict[str, set[Key]] = defaultdict(set)
    found = community.units.values_list(
        "code", "occupancies__party__name", "occupancies__party__phone"
    ).union(community.accounts.values_list("unit__code", "party__name", "party__phone"), all=True)
    for unit, name, phone in found.iterator():
        if name is not None:
            people[unit].add((name, phone))
    return people


def _write(community: Community, new: list[_New]) -> None:
    if not new:
        return
    accounts = _accounts(community, new)
    items = add_fee_items(community, (row.key.item for row in new if row.key.item))
    arrears = [row for row in new if row.amount > 0]
    prepaid = [row for row in new if row.amount < 0]
    charges = Charge.objects.bulk_create(
        (_charge(row, accounts[row.unit, row.key.payer], items[row.key.item]) for row in arrears),
        batch_size=2000,
    )
    entries = CreditEntry.objects.bulk_create(
        (_entry(row, accounts[row.unit, row.key.payer]) for row in prepaid), batch_size=2000
    )
    became = [
        *((row, {"charge": charge}) for row, charge in zip(arrears, charges, strict=True)),
        *((row, {"credit_entry": entry}) for row, entry in zip(prepaid, entries, strict=True)),
    ]
    OpeningBalance.objects.bulk_create(
        (
            OpeningBalance(
                account_id=accounts[row.unit, row.key.payer],
                fee_item=items.get(row.key.item),
                starts_on=row.key.starts_on,
                ends_on=row.key.ends_on,
                due_on=row.due_on,
                amount=row.amount,
                **what,  # type: ignore[arg-type]
            )
            for row, what in became
        ),
        batch_size=2000,
    )


def _accounts(community: Community, new: list[_New]) -> dict[tuple[int, Key], int]:
    """The accounts by unit and payer; those that are not on record are opened."""
    parties = Parties(community)
    for row in new:
        parties.want(row.key.payer)
    parties.write()
    wanted = {(row.unit, parties.ids[row.key.payer]): (row.unit, row.key.payer) for row in new}
    Account.objects.bulk_create(
        (Account(community=community, unit_id=unit, party_id=party) for unit, party in wanted),
        ignore_conflicts=True,
        batch_size=2000,
    )
    found = Account.objects.filter(community=community).values_list("unit", "party", "pk")
    return {wanted[unit, party]: pk for unit, party, pk in found if (unit, party) in wanted}


def _charge(row: _New, account_id: int, item: FeeItem) -> Charge:
    return Charge(
        account_id=account_id,
        kind=Charge.Kind.OPENING,
        fee_item=item,
        starts_on=row.key.starts_on,  # type: ignore[misc]  # arrears have days
        ends_on=row.key.ends_on,
        due_on=row.due_on,
        quantity=1,
        factor=1,
        amount=row.amount,
    )


def _entry(row: _New, account_id: int) -> CreditEntry:
    return CreditEntry(
        account_id=account_id,
        kind=CreditEntry.Kind.OPENING,
        amount=-row.amount,
        value_date=row.due_on or row.key.starts_on or today(),
    )
