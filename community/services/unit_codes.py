"""Finding the unit that somebody names: by its code, in any spelling."""

import re

from django.db.models import F, Func, QuerySet, Value
from django.db.models.functions import Upper

from community.models import Community, Unit, natural_key
from community.spelling import normal_code

MAX_LENGTH = 64


def find_units(*, community: Community, text: str) -> QuerySet[Unit]:
    """Units of `community` that `text` names in full; one, none, or several if it is ambiguous.

    Leading zeros, the community's name and what parts letters from digits do not matter: b1a23 is
    B1-A-023. A cut-off code (building and room, where there are entrances) names nothing.
    """
    code = normal_code(text[:MAX_LENGTH].replace(community.name, " "))
    if not code:
        return Unit.objects.none()
    # Numbers are padded to 8 digits in the sort key, so even without what parts them 3-21-502 and
    # 32-1-502 stay apart.
    parts = [part.lstrip("0") or "0" for part in re.findall(r"[0-9]+|[A-Z]+", code)]
    key = "".join(natural_key(part) for part in parts)
    unparted = Func(
        Upper(F("sort_key")), Value("[^0-9A-Z]"), Value(""), Value("g"), function="regexp_replace"
    )
    return Unit.objects.filter(community=community).alias(key=unparted).filter(key=key)
