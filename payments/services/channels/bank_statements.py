"""Taking over a bank's account statement: each line once, or the whole file refused."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from community.models import Community, User
from community.services.imports import lock
from core import tables
from core.encryption import encrypt
from core.money import plain_yuan
from payments import providers
from payments.banks import AUTO, PROFILES, Entry, StatementFile, read_statement
from payments.models import BankLine, BankStatement

Use = BankLine.Use
BATCH = 2_000
# What a bank pays of its own accord is nobody's payment.
_INTEREST = re.compile("结息|利息")


@dataclass(frozen=True)
class Taken:
    """A statement on record, and what its file added."""

    statement: BankStatement
    new: int
    known: int  # lines that were on record, or twice in the file
    uses: Counter[str]  # of the new lines


def import_statement(
    *,
    source: tables.Source,
    community: Community,
    profile: str = AUTO,
    name: str = "",
    by: User | None = None,
) -> Taken:
    """Takes over a statement; the same file again, or a line that is on record, changes nothing.

    Raises TableRefused with every bad row, among them lines of which the bank's number is on
    record with another amount or day; then nothing is written.
    """
    file = read_statement(source, profiles=list(PROFILES.values()), profile=profile)
    if not file.entries:
        raise tables.refuse_file(_("the statement has no lines"))
    if not name and isinstance(source, str | Path):
        name = Path(source).name
    with transaction.atomic():
        lock(community)
        found = BankStatement.objects.filter(community=community, digest=file.digest).first()
        if found is not None:
            return Taken(found, 0, len(file.entries), Counter())
        return _store(file, community, name, by)


def _store(file: StatementFile, community: Community, name: str, by: User | None) -> Taken:
    wanted = dict(_keyed(file))
    fresh = _unknown(wanted, community)
    days = [entry.booked_on for entry in file.entries]
    statement = BankStatement.objects.create(
        community=community,
        profile=file.profile,
        name=name[-200:],
        digest=file.digest,
        rows=len(file.entries),
        first_day=min(days),
        last_day=max(days),
        imported_by=by,
    )
    lines = [_line(statement, key, wanted[key]) for key in fresh]
    BankLine.objects.bulk_create(lines, batch_size=BATCH)
    uses = Counter(str(line.use) for line in lines)
    return Taken(statement, len(lines), len(file.entries) - len(lines), uses)


def _keyed(file: StatementFile) -> Iterable[tuple[str, Entry]]:
    """Each entry under what it is known by.

    Without a number of the bank's: all that the line says, and which of its equals in the file
    it is, so that two genuine equal transfers stay two.
    """
    equals: Counter[str] = Counter()
    for entry in file.entries:
        if entry.serial:
            yield f"{file.profile}:{entry.serial}"[:100], entry
            continue
        said = (
            entry.booked_on,
            entry.booked_time,
            entry.amount,
            entry.balance,
            entry.name,
            entry.account,
            entry.summary,
            entry.memo,
        )
        print_ = hashlib.sha256("\0".join(map(str, said)).encode()).hexdigest()[:48]
        equals[print_] += 1
        yield f"{file.profile}:{print_}:{equals[print_]}", entry


def _unknown(wanted: dict[str, Entry], community: Community) -> list[str]:
    """The keys that are not on record; TableRefused for those that are, with other money."""
    known = BankLine.objects.filter(community=community, key__in=list(wanted))
    on_record = {
        key: (amount, day) for key, amount, day in known.values_list("key", "amount", "booked_on")
    }
    bad = [
        tables.BadCell(
            entry.row,
            "",
            entry.serial,
            _("is on record with ¥%(amount)s on %(day)s")
            % {"amount": plain_yuan(on_record[key][0]), "day": on_record[key][1].isoformat()},
        )
        for key, entry in wanted.items()
        if key in on_record and on_record[key] != (entry.amount, entry.booked_on)
    ]
    if bad:
        raise tables.TableRefused(bad)
    return [key for key in wanted if key not in on_record]


def _line(statement: BankStatement, key: str, entry: Entry) -> BankLine:
    use, provider = _taken_for(entry)
    return BankLine(
        statement=statement,
        community_id=statement.community_id,
        row=entry.row,
        key=key,
        serial=entry.serial[:64],
        booked_on=entry.booked_on,
        booked_time=entry.booked_time,
        amount=entry.amount,
        balance=entry.balance,
        name=entry.name,
        account=encrypt(entry.account) if entry.account else "",
        summary=entry.summary,
        memo=entry.memo,
        use=use,
        provider=provider,
    )


def _taken_for(entry: Entry) -> tuple[BankLine.Use, str]:
    """What a line is by its sign, its name and its words, and whose payout it is if it is one."""
    if entry.amount <= 0:
        return Use.IGNORED, ""
    for key, kind in providers.all_providers().items():
        if any(part in entry.name for part in kind.payer_names):
            return Use.CHANNEL, key
    if not entry.name and _INTEREST.search(f"{entry.summary} {entry.memo}"):
        return Use.IGNORED, ""
    return Use.PAYER, ""
