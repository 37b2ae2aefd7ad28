"""Accounts: one payer at one unit, what he was charged, what lessens it, and what settled what.

    open(charge)    = amount − Σ allocations                 between 0 and amount
    credit(account) = Σ credit entries − Σ allocations       never below 0
    balance         = Σ charges − Σ credit entries

The triggers in credit.py hold the first two lines under any interleaving; `verify_books` checks
all three.
"""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from billing.models.charge import Charge
from billing.models.credit import Allocation, CreditEntry
from community.models import Community, Party, Unit
from core.sql import total_of

if TYPE_CHECKING:
    from community.models import User


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, user: "User") -> "AccountQuerySet":
        """Accounts of the parties `user` stands for, and all of the communities where he works.

        A new owner is another party, so he neither sees nor inherits the old one's account.
        """
        return self.filter(
            Q(community__in=Community.objects.visible_to(user))
            | Q(party__in=user.bindings.values("party_id"))
        )

    def of_resident(self, user: "User") -> "AccountQuerySet":
        """Accounts of the parties `user` stands for."""
        return self.filter(party__in=user.bindings.values("party_id"))

    def with_balance(self) -> "AccountQuerySet":
        """Annotates `charged`, `credited`, `allocated`, `balance`, `credit` and `owed`, in yuan.

        `owed` is what is open on charges, `credit` what is not yet used; balance = owed − credit.
        """
        own = {"account": OuterRef("pk")}
        return self.annotate(
            charged=total_of(Charge.objects.filter(**own)),
            credited=total_of(CreditEntry.objects.filter(**own)),
            allocated=total_of(Allocation.objects.filter(charge__account=OuterRef("pk"))),
        ).annotate(
            balance=F("charged") - F("credited"),
            credit=F("credited") - F("allocated"),
            owed=F("charged") - F("allocated"),
        )

    def owing_unbilled(self) -> "AccountQuerySet":
        """Those that owe something on no bill (opening arrears, extra charges): `unbilled` yuan."""
        charges = Charge.objects.filter(account=OuterRef("pk"), bill=None)
        settled = Allocation.objects.filter(charge__account=OuterRef("pk"), charge__bill=None)
        unbilled = total_of(charges) - total_of(settled)
        return self.annotate(unbilled=unbilled).filter(Q(unbilled__gt=0))

    def with_oldest_due(self) -> "AccountQuerySet":
        """Annotates `oldest_due`: when the oldest open charge fell due, None if nothing is open."""
        opened = Charge.objects.filter(account=OuterRef("pk")).open().oldest_first()
        due = opened.values("due")  # type: ignore[misc]  # annotated by oldest_first
        return self.annotate(oldest_due=Subquery(due[:1]))


class Account(models.Model):
    """One payer at one unit; balance and credit belong to it."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("community")
    )
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        related_name="accounts",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("unit"),
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("payer")
    )
    # The last day up to which all is settled for good: the payer moved out and was told so.
    cleared_until = models.DateField(_("cleared up to"), null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(fields=["unit", "party"], name="account_unit_party_unique")
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.party}"
