"""Reconciliation (对账): a day of a channel's own bill against ours, and every difference."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models import Community
from core.money import ZERO
from payments.models.order import PaymentOrder
from payments.models.payment import Payment

if TYPE_CHECKING:
    from community.models import User


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def visible_to(self, user: "User") -> "ReconciliationQuerySet":
        """Those of the communities where `user` works."""
        return self.filter(community__in=Community.objects.visible_to(user))

    def with_open(self) -> "ReconciliationQuerySet":
        """Annotates `open_lines`: how many differences wait for somebody."""
        waiting = Q(lines__state=ReconciliationLine.State.OPEN)
        return self.annotate(open_lines=models.Count("lines", filter=waiting))


class Reconciliation(models.Model):
    """A day of one community at one provider. What fits is counted, what does not is a line.

    The file's digest says which bill it was compared with; a person signs the day off when every
    difference is settled, and from then on nothing of it changes.
    """

    class State(models.TextChoices):
        OPEN = "open", _("to be signed off")
        CLOSED = "closed", _("signed off")

    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="reconciliations",
        verbose_name=_("community"),
    )
    provider = models.CharField(_("provider"), max_length=20)  # a key of payments.providers
    merchant = models.CharField(_("merchant account"), max_length=50, blank=True)
    day = models.DateField(_("day"))
    digest = models.CharField(_("SHA-256 of the bill"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    # What their bill says of this community, in lines and in yuan.
    their_lines = models.PositiveIntegerField(_("lines in the bill"), default=0)
    their_paid = models.DecimalField(_("paid there"), max_digits=14, decimal_places=2, default=0)
    their_refunded = models.DecimalField(
        _("refunded there"), max_digits=14, decimal_places=2, default=0
    )
    fees = models.DecimalField(_("fees"), max_digits=14, decimal_places=2, default=0)
    # What the contract's rate makes of the same lines; empty for days compared before it was kept.
    fees_due = models.DecimalField(
        _("fees by contract"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    # What our books say of the same day.
    our_lines = models.PositiveIntegerField(_("our payments and refunds"), default=0)
    our_paid = models.DecimalField(_("paid here"), max_digits=14, decimal_places=2, default=0)
    our_refunded = models.DecimalField(
        _("refunded here"), max_digits=14, decimal_places=2, default=0
    )
    # What their bill lists of this day and our books have on another: around midnight.
    elsewhere_paid = models.DecimalField(
        _("paid here on another day"), max_digits=14, decimal_places=2, default=0
    )
    elsewhere_refunded = models.DecimalField(
        _("refunded here on another day"), max_digits=14, decimal_places=2, default=0
    )
    compared_at = models.DateTimeField(_("compared at"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("signed off by"),
    )
    closed_at = models.DateTimeField(_("signed off at"), null=True, blank=True)

    objects = ReconciliationQuerySet.as_manager()

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-day", "provider", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["community", "provider", "merchant", "day"], name="reconciliation_unique"
            ),
            # A day on which nothing happened on either side needs nobody's name.
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True, closed_by__isnull=True)
                | Q(state="closed", closed_at__isnull=False)
                & (Q(closed_by__isnull=False) | Q(their_lines=0, our_lines=0)),
                name="reconciliation_signed_off_by_somebody",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="signed_off",
                operation=pgtrigger.Update | pgtrigger.Delete,
                # What nobody signed opens when the channel lists something late.
                condition=pgtrigger.Q(old__closed_by__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"

    @property
    def settlement(self) -> Decimal:
        """What the provider pays out for the day (结算金额), in yuan: to be seen at the bank."""
        return self.their_paid - self.their_refunded - self.fees

    @property
    def fee_difference(self) -> Decimal:
        """What the provider kept beyond its contract, in yuan; below zero it kept less."""
        return ZERO if self.fees_due is None else self.fees - self.fees_due


class ReconciliationLine(models.Model):
    """A difference between their bill and our books, and how it was settled."""

    class Kind(models.TextChoices):
        NOT_HERE = "not_here", _("there, not here")
        NOT_THERE = "not_there", _("here, not there")
        AMOUNT = "amount", _("another amount")
        TWICE = "twice", _("listed twice there")
        FEE = "fee", _("another fee")

    class Flow(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SETTLED = "settled", _("settled")
        # Compared once more, both sides agree: nobody had to do anything.
        GONE = "gone", _("gone by itself")

    class Way(models.TextChoices):
        RECORDED = "recorded", _("recorded after asking the provider")
        KEPT = "kept", _("kept as credit")
        SUSPENSE = "suspense", _("kept unclaimed")
        REFUNDED = "refunded", _("refund asked for")
        EXPLAINED = "explained", _("explained")

    TRANSITIONS = {
        State.OPEN: {State.SETTLED, State.GONE},
        State.GONE: {State.OPEN},
        State.SETTLED: set(),
    }

    reconciliation = models.ForeignKey(
        Reconciliation,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("reconciliation"),
    )
    kind = models.CharField(_("difference"), max_length=10, choices=Kind)
    flow = models.CharField(_("payment or refund"), max_length=10, choices=Flow)
    out_trade_no = models.CharField(_("order number"), max_length=64)
    out_refund_no = models.CharField(_("refund number"), max_length=64, blank=True)
    ordinal = models.PositiveIntegerField(_("which of equal lines"), default=1)
    transaction_id = models.CharField(_("provider's number"), max_length=64, blank=True)
    theirs = models.DecimalField(
        _("their amount, yuan"), max_digits=12, decimal_places=2, null=True, blank=True
    )
    ours = models.DecimalField(
        _("our amount, yuan"), max_digits=12, decimal_places=2, null=True, blank=True
    )
    happened_at = models.DateTimeField(_("happened at"), null=True, blank=True)
    order = models.ForeignKey(
        PaymentOrder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="differences",
        verbose_name=_("order"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    # Whether the day was last compared with it, so that it is a part of the sums' difference:
    # no longer once our books have what was missing.
    stands = models.BooleanField(_("stands"), default=True)
    way = models.CharField(_("how it was settled"), max_length=10, choices=Way, blank=True)
    words = models.CharField(_("in words"), max_length=500, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("settled by"),
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    # What the money became that was there and not here.
    payment = models.OneToOneField(
        Payment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="difference",
        verbose_name=_("payment"),
    )

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "reconciliation",
                    "flow",
                    "out_trade_no",
                    "out_refund_no",
                    "kind",
                    "ordinal",
                ],
                name="difference_unique",
            ),
            models.CheckConstraint(
                condition=Q(state="settled", settled_by__isnull=False, settled_at__isnull=False)
                & ~Q(way="")
                | Q(state__in=["open", "gone"], settled_by__isnull=True, way=""),
                name="difference_settled_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(way="explained") | ~Q(words=""), name="difference_explained_in_words"
            ),
            models.CheckConstraint(
                condition=~Q(way__in=["kept", "suspense"]) | Q(payment__isnull=False),
                name="difference_kept_is_a_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.out_trade_no}"
