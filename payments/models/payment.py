"""Money that came in, where it was posted, and the receipt that proves it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account, Charge, CreditEntry
from community.models import Community
from core.append_only import append_only
from payments.models.order import PaymentOrder

if TYPE_CHECKING:
    from community.models import User


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user: "User") -> "PaymentQuerySet":
        """Payments posted to accounts that `user` may see, and all of his communities."""
        own = Posting.objects.filter(
            credit_entry__account__in=Account.objects.of_resident(user)
        ).values("payment_id")
        return self.filter(
            Q(community__in=Community.objects.visible_to(user))
            | Q(pk__in=own)
            | Q(deposit__account__in=Account.objects.of_resident(user))
        )


class Payment(models.Model):
    """Money received (收款), posted as credit entries, held as a deposit, or in suspense."""

    class Method(models.TextChoices):
        CASH = "cash", _("cash")
        CARD = "card", _("bank card")
        WECHAT = "wechat", _("WeChat Pay")
        ALIPAY = "alipay", _("Alipay")
        TRANSFER = "transfer", _("bank transfer")
        DEBIT = "debit", _("direct debit")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="payments", verbose_name=_("community")
    )
    method = models.CharField(_("method"), max_length=10, choices=Method)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # The day that counts for the payer: the bank's or the provider's day, or today at the desk.
    value_date = models.DateField(_("value date"))
    received_at = models.DateTimeField(_("recorded at"), auto_now_add=True)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("received by"),
    )
    # Twice is the same as once: order number, counter form's token, bank's serial number.
    idempotency_key = models.CharField(max_length=100, unique=True)
    order = models.OneToOneField(
        PaymentOrder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payment",
        verbose_name=_("order"),
    )
    tendered = models.DecimalField(
        _("cash given, yuan"), max_digits=12, decimal_places=2, null=True, blank=True
    )

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(tendered__isnull=True) | Q(tendered__gte=models.F("amount")),
                name="payment_tender_covers_amount",
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.get_method_display()} {self.amount}"


class Posting(models.Model):
    """Which credit entry a payment became."""

    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="postings", verbose_name=_("payment")
    )
    credit_entry = models.OneToOneField(
        CreditEntry,
        on_delete=models.PROTECT,
        related_name="posting",
        verbose_name=_("credit entry"),
    )

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.payment} → {self.credit_entry}"


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    def visible_to(self, user: "User") -> "ReceiptQuerySet":
        return self.filter(payment__in=Payment.objects.visible_to(user))


class Receipt(models.Model):
    """The receipt (收据) of a payment, numbered without gaps per community and year."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="receipts", verbose_name=_("community")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="receipt", verbose_name=_("payment")
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # A receipt keeps saying what it said: names as they were on the day.
    payer_name = models.CharField(_("payer"), max_length=200)
    handler_name = models.CharField(_("handled by"), max_length=100, blank=True)
    # In the QR code: whoever holds the paper can check that it is genuine, nobody can guess one.
    check_token = models.CharField(max_length=43, unique=True)
    issued_at = models.DateTimeField(_("issued at"), auto_now_add=True)

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints = [
            models.UniqueConstraint(
                fields=["community", "year", "number"], name="receipt_number_unique"
            )
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """The number as printed: year and eight digits."""
        return f"{self.year}{self.number:08d}"


class ReceiptLine(models.Model):
    """What the payment settled when the receipt was issued, its deposit, or what is prepaid."""

    receipt = models.ForeignKey(
        Receipt, on_delete=models.PROTECT, related_name="lines", verbose_name=_("receipt")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", verbose_name=_("account")
    )
    charge = models.ForeignKey(
        Charge,
        on_delete=models.PROTECT,
        related_name="receipt_lines",
        null=True,
        blank=True,
        verbose_name=_("charge"),
    )
    deposit = models.OneToOneField(
        "payments.Deposit",
        on_delete=models.PROTECT,
        related_name="receipt_line",
        null=True,
        blank=True,
        verbose_name=_("deposit"),
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("receipt line")
        verbose_name_plural = _("receipt lines")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_line_positive"),
            models.CheckConstraint(
                condition=Q(charge__isnull=True) | Q(deposit__isnull=True),
                name="receipt_line_settles_or_is_held",
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.receipt} {self.amount}"
