"""How phone numbers and e-mail addresses of table files are read."""

import re
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from community.phones import mainland_mobile
from core import tables

_PHONE = re.compile(r"\+?[0-9]{5,15}|[0-9]{3,4}-[0-9]{5,8}(-[0-9]{1,6})?")
_CUT_MOBILE = re.compile(r"1[3-9][0-9]{5,}")  # no other number begins so


def phone(cell: str) -> str:
    """A phone number; a mainland mobile as its bare 11 digits, however it is typed.

    ValueError if it is none, or a mobile number with a digit too few or too many.
    """
    with suppress(ValueError):
        return mainland_mobile(cell)
    compact = tables.narrow(cell).replace(" ", "")
    if not _PHONE.fullmatch(compact):
        raise ValueError(_("is not a phone number"))
    if _CUT_MOBILE.fullmatch(compact):
        raise ValueError(_("is not a mobile number of 11 digits"))
    return compact


def email(cell: str) -> str:
    """An e-mail address; ValueError if it is none."""
    try:
        validate_email(cell)
    except ValidationError:
        raise ValueError(_("is not an e-mail address")) from None
    if len(cell) > 254:
        raise ValueError(_("is longer than %(n)s characters") % {"n": 254})
    return cell
