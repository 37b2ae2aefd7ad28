"""Online orders: what we asked a provider to collect."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.models import Account, Bill
from community.models import Community

if TYPE_CHECKING:
    from community.models import User

# How the problem begins of an order of which not all was needed.
PAID_TWICE = "a bill was paid already"


class PaymentOrderQuerySet(models.QuerySet["PaymentOrder"]):
    def visible_to(self, user: "User") -> "PaymentOrderQuerySet":
        """A resident's own orders; staff see those of their communities."""
        return self.filter(Q(user=user) | Q(community__in=Community.objects.visible_to(user)))

    def live(self) -> "PaymentOrderQuerySet":
        """Orders that may still be paid as intended."""
        return self.filter(state__in=[PaymentOrder.State.CREATED, PaymentOrder.State.PENDING])

    def under_way(self, user: "User") -> "PaymentOrderQuerySet":
        """What the user's pages call under way: his live orders, the newest first."""
        return self.live().filter(user=user).order_by("-created_at")

    def watched(self) -> "PaymentOrderQuerySet":
        """Live ones, and those that we gave up but the provider may still take money for."""
        ended = [PaymentOrder.State.CLOSED, PaymentOrder.State.EXPIRED]
        return self.live() | self.filter(state__in=ended, check_at__isnull=False)

    def with_refunded(self) -> "PaymentOrderQuerySet":
        """Each with what went back of it, so that `refunded` asks nothing more."""
        from payments.models.refund import Refund

        back = (
            Refund.objects.filter(payment__order=OuterRef("pk"), state=Refund.State.PAID)
            .order_by()
            .values("payment__order")
            .annotate(total=Sum("amount"))
            .values("total")
        )
        return self.annotate(gone_back=Coalesce(Subquery(back), Decimal(0)))

    def with_trouble(self) -> "PaymentOrderQuerySet":
        """Orders that did not settle by themselves: a problem is kept that is not over, or a
        message did not fit."""
        from payments.models.event import ProviderEvent

        refused = ProviderEvent.objects.filter(state=ProviderEvent.State.REFUSED)
        return self.filter(_has_problem() | Q(out_trade_no__in=refused.values("out_trade_no")))

    def unsettled(self) -> "PaymentOrderQuerySet":
        """Those of them that wait for a person: nobody looked, or something came up since."""
        from payments.models.event import ProviderEvent
        from payments.models.look import OrderLook

        looks = OrderLook.objects.filter(order=OuterRef("pk"))
        seen = looks.order_by("-seen_at").values("seen_at")[:1]
        refused = ProviderEvent.objects.filter(
            state=ProviderEvent.State.REFUSED, out_trade_no=OuterRef("out_trade_no")
        ).annotate(at=Coalesce("processed_at", "received_at"))
        return (
            self.with_trouble()
            .annotate(seen=Subquery(seen))
            .filter(
                Q(seen=None)
                | _has_problem() & ~Exists(looks.filter(problem=OuterRef("problem")))
                | Exists(refused.filter(at__gt=OuterRef("seen")))
            )
        )


def _has_problem() -> Q:
    """Of money paid twice, what became of it is over once its refund needs nobody any more: it was
    paid out, is under way, or somebody decided that it is kept."""
    from payments.models.refund import Refund

    refunds = Refund.objects.filter(payment__order=OuterRef("pk"))
    over = Exists(refunds) & ~Exists(refunds.for_somebody())
    return ~Q(problem="") & ~(Q(problem__startswith=PAID_TWICE) & over)


class PaymentOrder(models.Model):
    """One try to collect money online for some bills. Its amount always comes from our rows."""

    class State(models.TextChoices):
        CREATED = "created", _("created")  # not yet known to the provider
        PENDING = "pending", _("waiting for payment")
        PAID = "paid", _("paid")
        CLOSED = "closed", _("closed")
        EXPIRED = "expired", _("expired")
        FAILED = "failed", _("failed")

    class Standing(models.TextChoices):
        """What of a paid order went back: told from its refunds' rows, not kept a second time."""

        PARTLY_REFUNDED = "partly_refunded", _("refunded in part")
        REFUNDED = "refunded", _("refunded")

    TRANSITIONS = {
        State.CREATED: {State.PENDING, State.PAID, State.CLOSED, State.FAILED},
        State.PENDING: {State.PAID, State.CLOSED, State.EXPIRED, State.FAILED},
        # Money that arrives after we gave up is still money.
        State.CLOSED: {State.PAID},
        State.EXPIRED: {State.PAID},
        State.FAILED: {State.PAID},
        State.PAID: set(),
    }

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="orders", verbose_name=_("community")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="orders",
        verbose_name=_("user"),
    )
    provider = models.CharField(_("provider"), max_length=20)  # a key of payments.providers
    # The name of the merchant account: a community's code, '' for the one of all the others.
    merchant = models.CharField(_("merchant account"), max_length=50, blank=True)
    scene = models.CharField(_("scene"), max_length=10)  # of providers.base.Scene
    out_trade_no = models.CharField(_("order number"), max_length=32, unique=True)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.CREATED)
    # Where the payer goes: a URL to open, the content of a QR code, what his app is handed.
    pay_url = models.CharField(max_length=3000, blank=True)
    transaction_id = models.CharField(_("provider's number"), max_length=64, blank=True)
    # Somebody else pays by a link that the user made to his bill.
    share = models.ForeignKey(
        "payments.BillShare",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("shared bill"),
    )
    # Two presses of one button carry one form token: they open one order.
    form_token = models.UUIDField(unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    # Opening the same order once more needs the very same particulars.
    client_ip = models.GenericIPAddressField(null=True, blank=True)
    # Whom the provider's app knows the payer as; nobody sees it, and it goes when the order ends.
    payer = models.CharField(max_length=128, blank=True)
    # When the sweep should next ask the provider about this order, and when somebody last did.
    check_at = models.DateTimeField(null=True, blank=True, db_index=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    objects = PaymentOrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment order")
        verbose_name_plural = _("payment orders")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_amount_positive"),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(paid_at__isnull=False), name="order_paid_has_time"
            ),
            models.UniqueConstraint(
                fields=["provider", "transaction_id"],
                condition=~Q(transaction_id=""),
                name="order_transaction_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def waits_for_payer(self) -> bool:
        """Whether the provider cannot be told of it before we know who pays, inside its app."""
        return self.state == self.State.CREATED and self.scene == "jsapi" and not self.payer

    @property
    def refunded(self) -> Decimal:
        """What of it went back, in yuan; one query without `with_refunded`."""
        if not hasattr(self, "gone_back"):
            found: Any = PaymentOrder.objects.with_refunded().get(pk=self.pk)
            self.gone_back: Decimal = found.gone_back
        return self.gone_back

    @property
    def standing(self) -> "PaymentOrder.State | PaymentOrder.Standing":
        """The state as people see it: a paid order may be refunded, in part or whole."""
        if self.state != self.State.PAID or not self.refunded:
            return self.State(self.state)
        whole = self.refunded >= self.amount
        return self.Standing.REFUNDED if whole else self.Standing.PARTLY_REFUNDED


class OrderBill(models.Model):
    """What of an order is meant for which bill."""

    order = models.ForeignKey(
        PaymentOrder, on_delete=models.PROTECT, related_name="lines", verbose_name=_("order")
    )
    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, related_name="order_lines", verbose_name=_("bill")
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # What paying early takes off, for the payer to read: the amount is without it.
    discount = models.DecimalField(
        _("discount, yuan"), max_digits=12, decimal_places=2, default=0, db_default=0
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "bill"], name="order_bill_unique"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.bill} {self.amount}"


class OrderAccount(models.Model):
    """What of an order is for an account: it becomes credit, or settles what is on no bill."""

    class Purpose(models.TextChoices):
        PREPAYMENT = "prepayment", _("prepayment")
        # Opening arrears and extra charges: owed, but on no bill.
        UNBILLED = "unbilled", _("owed without a bill")

    order = models.ForeignKey(
        PaymentOrder,
        on_delete=models.PROTECT,
        related_name="account_lines",
        verbose_name=_("order"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="order_lines", verbose_name=_("account")
    )
    purpose = models.CharField(_("for"), max_length=10, choices=Purpose)
    # The months that a prepayment was computed for, both days inclusive: what the payer was told.
    months = models.PositiveSmallIntegerField(_("months"), null=True, blank=True)
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("order line of an account")
        verbose_name_plural = _("order lines of accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "account", "purpose"], name="order_account_unique"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_account_positive"),
            models.CheckConstraint(
                condition=~Q(purpose="prepayment")
                | Q(months__isnull=False, starts_on__isnull=False, ends_on__isnull=False),
                name="order_prepayment_says_months",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.account} {self.amount}"
