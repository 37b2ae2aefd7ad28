"""Short texts: SMS by approved template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

# The provider refuses a message with a longer value.
LONGEST_PARAM = 35


@dataclass(frozen=True)
class ShortText:
    """Our name of an approved template (settings.SMS_TEMPLATES) and what fills its gaps."""

    template: str
    params: Mapping[str, str]

    def __post_init__(self) -> None:
        cut = {name: shorten(value) for name, value in self.params.items()}
        object.__setattr__(self, "params", cut)


def shorten(value: str) -> str:
    """`value` in at most 35 characters."""
    return value if len(value) <= LONGEST_PARAM else value[: LONGEST_PARAM - 1] + "…"


def unit_list(codes: Sequence[str]) -> str:
    """Unit codes in a few characters: all of them, or the first and how many more."""
    listed = "、".join(codes)
    if len(codes) <= 1 or len(listed) <= LONGEST_PARAM:
        return listed
    return _("%(unit)s and %(count)d more") % {"unit": codes[0], "count": len(codes) - 1}
