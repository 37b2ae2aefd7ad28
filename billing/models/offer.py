"""Campaigns such as "pay the year by 31 March, 5 % off"."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.account import Account
from billing.models.credit import CreditEntry
from billing.models.tariff import FeeItem
from community.models import Community
from core.money import ZERO

# % off a fee, by one offer or by all that hold for it together: more is a slip of the pen.
MOST_PERCENT = 50


class EarlyPaymentOffer(models.Model):
    """Who has paid all of these months' fees by a day gets a share of them back as a discount."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("waiting for approval")
        APPROVED = "approved", _("approved")
        WITHDRAWN = "withdrawn", _("withdrawn")

    TRANSITIONS = {
        State.REQUESTED: {State.APPROVED, State.WITHDRAWN},
        State.APPROVED: {State.WITHDRAWN},
        State.WITHDRAWN: set(),
    }

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="offers", verbose_name=_("community")
    )
    name = models.CharField(_("name"), max_length=100)
    fee_items = models.ManyToManyField(FeeItem, related_name="+", verbose_name=_("fee items"))
    # Whole months, both days inclusive.
    starts_on = models.DateField(_("months from"))
    ends_on = models.DateField(_("months to"))
    pay_by = models.DateField(_("to be paid by"))
    percent = models.DecimalField(
        _("discount, %"),
        max_digits=4,
        decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_PERCENT)],
    )
    # Two presses of one form make one offer.
    form_token = models.UUIDField(unique=True, null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("asked by"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)

    class Meta:
        verbose_name = _("early payment offer")
        verbose_name_plural = _("early payment offers")
        ordering = ["-pay_by", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="offer_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(percent__gt=0, percent__lte=MOST_PERCENT), name="offer_percent_sane"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(approved_by__isnull=False) & ~Q(approved_by=F("created_by")),
                name="offer_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfferUse(models.Model):
    """An account that fulfilled an offer, and the discount it got; once each.

    Where lines are taken back a smaller discount takes its place, and the use points at that; at
    one that was taken back where nothing of it stands.
    """

    offer = models.ForeignKey(
        EarlyPaymentOffer, on_delete=models.PROTECT, related_name="uses", verbose_name=_("offer")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="offer_uses", verbose_name=_("account")
    )
    credit_entry = models.OneToOneField(
        CreditEntry,
        on_delete=models.PROTECT,
        related_name="offer_use",
        verbose_name=_("discount"),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("use of an offer")
        verbose_name_plural = _("uses of an offer")
        constraints = [models.UniqueConstraint(fields=["offer", "account"], name="offer_used_once")]

    def __str__(self) -> str:
        return f"{self.offer} {self.account}"

    @property
    def standing_amount(self) -> Decimal:
        """What of the discount stands, in yuan."""
        undone = hasattr(self.credit_entry, "reversed_by")
        return ZERO if undone else self.credit_entry.amount
