"""Mainland mobile numbers, the way people type them."""

import re
import unicodedata

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")


def mainland_mobile(text: str) -> str:
    """The bare 11 digits of a mainland mobile number.

    Takes full-width digits, spaces, hyphens, brackets and the country code (+86, 0086, 86).
    Raises ValueError for anything else.
    """
    compact = re.sub(r"[\s\-()·.]", "", unicodedata.normalize("NFKC", text))
    found = _MOBILE.fullmatch(compact)
    if not found:
        raise ValueError(text)
    return found[1]
