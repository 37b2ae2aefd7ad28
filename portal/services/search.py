"""The one box of the front desk: a few characters in, the unit that is meant out.

What was typed is read as everything it could be (a unit code in any spelling, a phone or its last
four digits, a name or its pinyin initials, a receipt number); each reading is one query over an
index, cut off after LIMIT rows. Tried with 100,000 units in one community: see tests/portal.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Right

from community.models import Community, Occupancy, Party, Unit, natural_key
from community.services.unit_codes import find_units
from community.spelling import normal_code
from payments.models import Receipt

LIMIT = 12
LEAST_LETTERS = 2  # one letter of a name is half the register


@dataclass(frozen=True)
class Hit:
    """A unit that fits, and the receipt that led to it, if one did."""

    unit: Unit
    receipt: Receipt | None = None


def find(*, community: Community, text: str, limit: int = LIMIT) -> list[Hit]:
    """At most `limit` units of `community` that `text` could mean, the likeliest first."""
    typed = unicodedata.normalize("NFKC", text).strip()
    if not typed:
        return []
    readings = [list(reading(community, typed, limit)) for reading in _readings(typed)]
    if re.fullmatch(r"\d{4}", typed):
        readings.sort(key=lambda found: not any(_is_named(hit.unit, typed) for hit in found))
    # 1502 is a room of every entrance and the end of a few phones: each reading gets its share.
    share = limit // max(len(readings), 1)
    fair = [hit for found in readings for hit in found[:share]]
    rest = [hit for found in readings for hit in found[share:]]
    hits: dict[int, Hit] = {}
    for hit in fair + rest:
        hits.setdefault(hit.unit.pk, hit)
    return list(hits.values())[:limit]


def _is_named(unit: Unit, typed: str) -> bool:
    """Whether `typed` is the unit's code or room to the letter: then it stands before phones."""
    return typed in (unit.code, unit.room)


Reading = Callable[[Community, str, int], Iterable[Hit]]


def _readings(typed: str) -> list[Reading]:
    """What `typed` could be, the surest first."""
    digits = re.sub(r"[\s-]", "", typed)
    readings: list[Reading] = []
    if re.fullmatch(r"20\d{10}", digits):
        readings.append(_by_receipt)
    if re.fullmatch(r"\d{5,11}", digits):
        readings.append(_by_phone)
    if re.fullmatch(r"\d{4}", typed):
        readings.append(_by_last_four)
    if normal_code(typed):
        readings.append(_by_code)
    if re.fullmatch(rf"[A-Za-z]{{{LEAST_LETTERS},}}", typed):
        readings.append(_by_initials)
    if re.match(r"[^\x00-\x7f]", typed) or " " in typed:
        readings.append(_by_name)
    return readings


def _units(community: Community) -> QuerySet[Unit]:
    """Units with who lives there today, in two queries whatever their number."""
    residents = Occupancy.objects.current().select_related("party").order_by("-is_payer", "id")
    return Unit.objects.filter(community=community).prefetch_related(
        Prefetch("occupancies", queryset=residents, to_attr="residents")
    )


def _by_code(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    code = normal_code(typed)
    key = natural_key(code)
    units = _units(community).order_by("sort_key")
    if re.fullmatch(r"0\d{3}", typed):
        # The end of a phone, or a room: no building is written like this.
        return (Hit(unit) for unit in units.filter(room=code)[:limit])
    if re.search(r"[A-Z]\d|\d[A-Z]", code):
        whole = [*find_units(community=community, text=typed)[:limit]]
        if whole:
            named = units.filter(pk__in=[unit.pk for unit in whole])
            return (Hit(unit) for unit in named)
    found = [*units.filter(sort_key=key), *units.filter(_between(f"{key}-"))[:limit]]
    *above, last = code.split("-")
    if not above:
        # A room, wherever it is.
        found = [*found[:1], *units.filter(room=code)[:limit], *found[1:]]
    elif len(found) < limit:
        # What is typed so far: a room that begins like this, in the building or entrance above.
        under = _between(natural_key("-".join(above)) + "-")
        found += units.filter(under, room__startswith=last)[:limit]
    return (Hit(unit) for unit in found)


def _between(prefix: str) -> Q:
    """Sort keys that begin with `prefix`, as a range that the index on them answers."""
    return Q(sort_key__gte=prefix, sort_key__lt=prefix[:-1] + chr(ord(prefix[-1]) + 1))


def _by_receipt(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    digits = re.sub(r"[\s-]", "", typed)
    receipt = Receipt.objects.filter(
        community=community, year=int(digits[:4]), number=int(digits[4:])
    ).first()
    if receipt is None:
        return []
    units = _units(community).filter(accounts__in=receipt.lines.values("account_id"))
    return (Hit(unit, receipt) for unit in units.order_by("sort_key").distinct()[:limit])


def _by_phone(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    digits = re.sub(r"[\s-]", "", typed)
    return _of_parties(community, Party.objects.filter(phone__startswith=digits), limit)


def _by_last_four(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    ending = Party.objects.alias(ending=Right("phone", 4)).filter(ending=typed)
    return _of_parties(community, ending, limit)


def _by_initials(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    letters = Party.objects.filter(pinyin_initials__startswith=typed.lower())
    return _of_parties(community, letters.order_by("pinyin_initials"), limit)


def _by_name(community: Community, typed: str, limit: int) -> Iterable[Hit]:
    if typed.isascii():
        full = Party.objects.filter(pinyin_initials=_initials(typed), pinyin=typed.lower())
        return _of_parties(community, full, limit)
    return _of_parties(
        community, Party.objects.filter(name__startswith=typed).order_by("name"), limit
    )


def _initials(typed: str) -> str:
    return "".join(word[0] for word in typed.lower().split())


def _of_parties(community: Community, parties: QuerySet[Party], limit: int) -> list[Hit]:
    """The units where `parties` live, lived or pay."""
    found = list(parties.filter(community=community).values_list("pk", flat=True)[:limit])
    units = _units(community).filter(
        pk__in=Occupancy.objects.filter(party__in=found).values("unit_id")
    )
    return [Hit(unit) for unit in units.order_by("sort_key")[:limit]]
