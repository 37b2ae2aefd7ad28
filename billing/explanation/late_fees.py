"""A late fee as a sentence: what was open, for how many days, at which rate."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.explanation import equations as eq
from core.money import from_fen

if TYPE_CHECKING:
    from billing.services.accounts.late_fees import Standing


def words_of_late_fee(standing: "Standing") -> list[str]:
    """How the late fee of a bill came about, up to and including the day of `standing`.

    The first sentence alone says what was open, for how many days, at which rate, and which days
    were left out.
    """
    fee = standing.fee
    if not fee.fen or fee.starts_on is None:
        return []
    parts = [f"{eq.yuan(from_fen(open_fen)).shown} × {_days(n)}" for open_fen, n in fee.stretches]
    opened = parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"
    rate = _("%(percent)s %% a day") % {"percent": eq.number(standing.bill.rule.daily_rate * 100)}
    words = []
    if fee.capped:
        words.append(
            _("Late fee: no more than %(percent)s %% of the bill, %(amount)s.")
            % {
                "percent": eq.number((standing.bill.rule.cap or Decimal(0)) * 100),
                "amount": eq.yuan(from_fen(fee.fen)).shown,
            }
        )
    else:
        words.append(
            _("Late fee: %(opened)s × %(rate)s = %(amount)s.")
            % {"opened": opened, "rate": rate, "amount": eq.yuan(from_fen(fee.fen)).shown}
        )
    words[0] = " ".join([words[0], *_held(standing)])
    words.append(
        _("Counted from %(first)s up to and including %(last)s.")
        % {
            "first": date_format(fee.starts_on, "DATE_FORMAT"),
            "last": date_format(standing.on, "DATE_FORMAT"),
        }
    )
    words += _left_out(standing)
    return words


def _left_out(standing: "Standing") -> list[str]:
    words = []
    if standing.bill.rule.grace_days:
        words.append(
            ngettext(
                "%(n)s day after the due date is free.",
                "%(n)s days after the due date are free.",
                standing.bill.rule.grace_days,
            )
            % {"n": standing.bill.rule.grace_days}
        )
    if standing.bill.waived:
        words.append(
            _("%(amount)s of it was waived.")
            % {"amount": eq.yuan(from_fen(standing.bill.waived)).shown}
        )
    return words


def _held(standing: "Standing") -> list[str]:
    if not standing.fee.held_days:
        return []
    words = ngettext(
        "%(n)s day on which the bill was in dispute does not count.",
        "%(n)s days on which the bill was in dispute do not count.",
        standing.fee.held_days,
    )
    return [words % {"n": standing.fee.held_days}]


def _days(n: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}
