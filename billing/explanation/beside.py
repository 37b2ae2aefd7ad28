"""What is owed beside the fees of a period: former arrears and extra charges, in words."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.models import Adjustment, Charge


def words_beside_fees(charge: Charge) -> tuple[str, ...]:
    """Why a charge is owed that no fee standard explains; its `adjustment` should be loaded."""
    if charge.kind == Charge.Kind.OPENING:
        return (_of_opening(charge),)
    if charge.kind == Charge.Kind.EXTRA:
        adjustment: Adjustment | None = getattr(charge, "adjustment", None)
        return (_of_extra(adjustment),) if adjustment else ()
    return ()


def _of_opening(charge: Charge) -> str:
    words = {
        "first": date_format(charge.starts_on, "DATE_FORMAT"),
        "last": date_format(charge.ends_on, "DATE_FORMAT"),
    }
    if charge.due_on is None:
        return _("Owed for %(first)s – %(last)s; it came over from the former books.") % words
    words["due"] = date_format(charge.due_on, "DATE_FORMAT")
    told = _("Owed for %(first)s – %(last)s, due on %(due)s; it came over from the former books.")
    return told % words


def _of_extra(adjustment: Adjustment) -> str:
    return _("Charged in addition, with a second person's approval: %(reason)s") % {
        "reason": adjustment.reason
    }
