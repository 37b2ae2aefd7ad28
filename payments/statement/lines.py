"""What a statement consists of, in the words of the moment's language."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _

from billing.models import Bill, Charge, CreditEntry
from core.money import ZERO, format_yuan
from payments.models import CreditUse, PayoutVoucher, Receipt


@dataclass(frozen=True, slots=True)
class Part:
    """A charge as far as a statement goes; yuan, both days inclusive."""

    kind: str
    item: str
    starts_on: datetime.date
    ends_on: datetime.date
    amount: Decimal
    reason: str = ""  # of an extra charge


@dataclass(slots=True)
class Line:
    """A bill, a charge beside the bills or a credit entry; `amount` is what it adds to the balance.

    A bill has its lines as `parts`, a charge itself. Credit that was used for them because somebody
    asked adds nothing: the money is a line of its own day. Yuan; the balance is the one after the
    line.
    """

    day: datetime.date
    amount: Decimal
    balance: Decimal = ZERO
    bill: Bill | None = None
    parts: Sequence[Part] = ()
    entry: CreditEntry | None = None
    receipt: Receipt | None = None
    voucher: PayoutVoucher | None = None
    use: CreditUse | None = None

    @property
    def credited(self) -> Decimal:
        """What it takes off the balance: above zero for a payment, below for a refund."""
        return -self.amount

    @property
    def kind(self) -> str:
        """bill, late_fee, extra, opening; payment, refund, waiver …; use"""
        if self.use is not None:
            return "use"
        if self.entry is not None:
            return self.entry.kind
        return "bill" if self.is_bill else self.parts[0].kind

    @property
    def is_bill(self) -> bool:
        return bool(self.bill and self.parts and self.parts[0].kind != Charge.Kind.LATE_FEE)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if self.use is not None:
            used = format_yuan(self.use.amount)
            return _("%(amount)s of the credit used") % {"amount": used}
        if self.entry is not None:
            return self._of_entry(self.entry)
        part = self.parts[0]
        if self.bill is None:
            return f"{Charge.Kind(part.kind).label}: {part.item}"
        period = self.bill.run.title
        if not self.is_bill:
            return _("Late fee on the bill of %(period)s") % {"period": period}
        return _("Bill %(period)s") % {"period": period}

    def _of_entry(self, entry: CreditEntry) -> str:
        if entry.reverses_id is not None:
            return _("Taken back: %(what)s") % {"what": entry.get_kind_display()}
        if entry.kind == CreditEntry.Kind.REVERSAL and entry.charge:
            return _("Taken back: %(what)s") % {"what": entry.charge.fee_item.name}
        if self.receipt is not None:
            return self.receipt.payment.get_method_display()
        return entry.get_kind_display()

    @property
    def detail(self) -> str:
        """What there is to say besides: the receipt, the reason, the days; '' for nothing."""
        if self.entry is not None:
            return self._detail_of(self.entry)
        if self.use is not None:
            return _("for what was open, when asked for")
        part = self.parts[0]
        if self.bill is None or not self.is_bill:
            return part.reason or f"{part.starts_on} – {part.ends_on}"
        return ""

    def _detail_of(self, entry: CreditEntry) -> str:
        if self.receipt is not None:
            return _("Receipt %(code)s") % {"code": self.receipt.code}
        if self.voucher is not None:
            words = (
                _("Counter-receipt %(code)s") if self.voucher.counters_id else _("Voucher %(code)s")
            )
            return words % {"code": self.voucher.code}
        said = []
        if entry.charge and entry.kind == CreditEntry.Kind.REVERSAL:
            said.append(f"{entry.charge.starts_on} – {entry.charge.ends_on}")
        elif entry.charge:
            said.append(entry.charge.fee_item.name)
        if entry.adjustment:
            said.append(entry.adjustment.reason)
        return " · ".join(said)


@dataclass(slots=True)
class Statement:
    """Lines in the order of their days, oldest first, between two balances; all in yuan."""

    opening: Decimal = ZERO
    lines: list[Line] = field(default_factory=list)
    since: datetime.date | None = None
    until: datetime.date | None = None

    @property
    def closing(self) -> Decimal:
        return self.lines[-1].balance if self.lines else self.opening

    @property
    def charged(self) -> Decimal:
        """Σ of what was added, yuan."""
        return sum((line.amount for line in self.lines if line.entry is None), ZERO)

    @property
    def credited(self) -> Decimal:
        """Σ of what was taken off, yuan."""
        return -sum((line.amount for line in self.lines if line.entry is not None), ZERO)

    def between(
        self, since: datetime.date | None = None, until: datetime.date | None = None
    ) -> "Statement":
        """The lines of some days, both inclusive; what came before is the opening balance."""
        before = [line for line in self.lines if since is not None and line.day < since]
        inside = [line for line in self.lines[len(before) :] if until is None or line.day <= until]
        return Statement(before[-1].balance if before else self.opening, inside, since, until)
