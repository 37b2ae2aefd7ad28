"""Where the exceptions of a bill run are mended."""

from collections.abc import Sequence

from django.urls import reverse

from billing.models import Meter, RunException
from community.models import Community

_REASON = RunException.Reason
_AT_THE_METER = {_REASON.NO_READING, _REASON.BACKWARD_METER, _REASON.HIGH_USAGE}


def mend_urls(community: Community, exceptions: Sequence[RunException]) -> dict[int, str]:
    """By exception: the page where what it tells of can be put right (one query)."""
    measured = [each for each in exceptions if each.reason in _AT_THE_METER]
    meters = {
        (meter.unit_id, meter.fee_item_id): meter.pk
        for meter in Meter.objects.filter(
            unit__in=[each.unit_id for each in measured if each.unit_id],
            fee_item__in={each.fee_item_id for each in measured if each.fee_item_id},
        )
    }
    return {each.pk: _url(community.code, each, meters) for each in exceptions}


def _url(code: str, exception: RunException, meters: dict[tuple[int, int], int]) -> str:
    unit, item, reason = exception.unit_id, exception.fee_item_id, exception.reason
    if reason in _AT_THE_METER:
        meter = meters.get((unit or 0, item or 0))
        if meter:
            return reverse("billing:meter", args=[code, meter])
        return reverse("billing:meters", args=[code])
    if reason == _REASON.NO_TARIFF:
        return reverse("billing:tariffs", args=[code])
    if unit is None:
        return reverse("billing:desk_shared_costs", args=[code])
    return reverse("portal:unit", args=[code, unit])
