"""Where an exception of a bill run is mended."""

from django.urls import NoReverseMatch, reverse

from billing.models import RunException
from community.models import Community

_REASON = RunException.Reason
# Pages of readings, of tariffs and of shared costs; everything else is mended at the unit.
_PAGES = {
    _REASON.NO_READING: "billing:meters",
    _REASON.BACKWARD_METER: "billing:meters",
    _REASON.HIGH_USAGE: "billing:meters",
    _REASON.NO_TARIFF: "billing:tariffs",
    _REASON.NOBODY_IN_SCOPE: "billing:shared_costs",
}


def mend_url(community: Community, exception: RunException) -> str:
    """The address of the page where what an exception tells of can be put right; '' if none."""
    name = _PAGES.get(_REASON(exception.reason), "")
    if name:
        try:
            return reverse(name, args=[community.code])
        except NoReverseMatch:
            pass  # fall back to the unit
    if exception.unit_id is None:
        return ""
    return reverse("portal:unit", args=[community.code, exception.unit_id])
