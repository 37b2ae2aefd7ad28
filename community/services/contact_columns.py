"""How phone numbers and e-mail addresses of table files are read."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

_PHONE = re.compile(r"\+?[0-9]{5,15}|[0-9]{3,4}-[0-9]{5,8}(-[0-9]{1,6})?")
_MOBILE = re.compile(r"(?:\+?86)?(1[0-9]{10})")


def phone(cell: str) -> str:
    """A phone number; a mainland mobile as its bare 11 digits. ValueError if it is none."""
    compact = cell.replace(" ", "")
    mobile = _MOBILE.fullmatch(compact.replace("-", ""))
    if mobile:
        return mobile[1]
    if not _PHONE.fullmatch(compact):
        raise ValueError(_("is not a phone number"))
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
