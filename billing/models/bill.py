"""Bills: what one payer owes for one unit and one run."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from billing.models.account import Account
from billing.models.charge import Charge
from billing.models.credit import Allocation
from billing.models.run import BillRun
from community.models import today
from core.append_only import append_only
from core.sql import total_of

if TYPE_CHECKING:
    from community.models import User


class BillQuerySet(models.QuerySet["Bill"]):
    def visible_to(self, user: "User") -> "BillQuerySet":
        return self.filter(account__in=Account.objects.visible_to(user))

    def of_resident(self, user: "User") -> "BillQuerySet":
        return self.filter(account__in=Account.objects.of_resident(user))

    def with_open(self) -> "BillQuerySet":
        """Annotates `late_posted`, `settled` and `open_amount`, in yuan.

        `open_amount` is of all lines, the late fees that were posted included. What of a late fee
        is not posted yet, `late_fees.accrued` tells.
        """
        late = Charge.objects.filter(bill=OuterRef("pk"), kind=Charge.Kind.LATE_FEE)
        return self.annotate(
            late_posted=total_of(late),
            settled=total_of(Allocation.objects.filter(charge__bill=OuterRef("pk"))),
        ).annotate(open_amount=F("amount") + F("late_posted") - F("settled"))

    def open(self) -> "BillQuerySet":
        """Bills of which something is still owed."""
        return self.with_open().filter(Q(open_amount__gt=0))

    def with_reversed(self) -> "BillQuerySet":
        """Annotates `is_reversed`: every line was taken back, so nothing of the bill stands."""
        lines = Charge.objects.filter(bill=OuterRef("pk"))
        return self.annotate(is_reversed=~Exists(lines.standing()) & Exists(lines))

    def overdue(self) -> "BillQuerySet":
        return self.open().filter(due_on__lt=today())


class Bill(models.Model):
    """What one payer owes for one unit and one period (账单); its amount is Σ of its charges."""

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="bills",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("account"),
    )
    run = models.ForeignKey(
        BillRun, on_delete=models.PROTECT, related_name="bills", verbose_name=_("run")
    )
    due_on = models.DateField(_("due on"))
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    issued_at = models.DateTimeField(_("issued at"))

    objects = BillQuerySet.as_manager()

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        constraints = [
            models.UniqueConstraint(fields=["account", "run"], name="bill_once_a_run"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="bill_not_negative"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"

    @property
    def is_past_due(self) -> bool:
        """Whether the due date has passed; says nothing on whether the bill is paid."""
        return self.due_on < today()
