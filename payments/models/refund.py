"""Refunds (退款): credit or a deposit that goes back, asked by one and approved by another."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account, CreditEntry
from community.models import Community
from core.append_only import frozen
from payments.models.deposit import Deposit
from payments.models.payment import Payment
from payments.models.refund_lists import RefundQuerySet


class Refund(models.Model):
    """Money that goes back to a payer. Approved, it is taken from the credit or the deposit at
    once, so that nothing else can spend it; if it cannot be paid out, it is given back.

    `method` says how it is paid out: services/refunds.py has a function for each. ORIGINAL goes
    back through the provider that took `payment` (services/original_refunds.py); where it could
    not, the payment goes back another way, by a refund `instead_of` the one that failed.
    """

    class Method(models.TextChoices):
        CASH = "cash", _("cash at the desk")
        TRANSFER = "transfer", _("bank transfer")
        ORIGINAL = "original", _("the way it was paid")

    class State(models.TextChoices):
        REQUESTED = "requested", _("waiting for approval")
        APPROVED = "approved", _("to be paid out")
        # With the provider: asked for, and not yet known to be done.
        PROCESSING = "processing", _("on its way")
        PAID = "paid", _("paid out")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")
        FAILED = "failed", _("could not be paid out")

    TRANSITIONS = {
        State.REQUESTED: {State.APPROVED, State.REJECTED, State.WITHDRAWN},
        State.APPROVED: {State.PROCESSING, State.PAID, State.FAILED, State.WITHDRAWN},
        State.PROCESSING: {State.PAID, State.FAILED},
        State.PAID: set(),
        State.REJECTED: set(),
        State.WITHDRAWN: set(),
        State.FAILED: set(),
    }
    OPEN = (State.REQUESTED, State.APPROVED, State.PROCESSING)
    FELL_THROUGH = (State.REJECTED, State.WITHDRAWN, State.FAILED)

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("community")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("account")
    )
    # Empty: from the account's credit.
    deposit = models.ForeignKey(
        Deposit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        verbose_name=_("deposit"),
    )
    # The online payment that goes back.
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        verbose_name=_("payment"),
    )
    # Of a payment that goes back another way: what the provider could not do.
    instead_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replacements",
        verbose_name=_("instead of"),
    )
    # Of one through the provider: our number, which makes it give back once however often it is
    # asked.
    out_refund_no = models.CharField(_("refund number"), max_length=32, blank=True)
    refund_id = models.CharField(_("provider's number"), max_length=64, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    # When the sweep should ask the provider next; empty: a person has to look, or it is over.
    check_at = models.DateTimeField(null=True, blank=True, db_index=True)
    amount = models.DecimalField(_("to pay out, yuan"), max_digits=12, decimal_places=2)
    # Of a deposit: what is not given back, and why.
    withheld = models.DecimalField(_("kept, yuan"), max_digits=12, decimal_places=2, default=0)
    withheld_reason = models.CharField(_("why it is kept"), max_length=500, blank=True)
    reason = models.CharField(_("reason"), max_length=500)
    method = models.CharField(_("method"), max_length=10, choices=Method)
    payee_name = models.CharField(_("payee"), max_length=100)
    payee_bank = models.CharField(_("payee's bank"), max_length=100, blank=True)
    # Encrypted (core.encryption): a bank account is sensitive personal information.
    payee_account = models.CharField(_("payee's account"), max_length=500, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    form_token = models.UUIDField(unique=True)
    # Empty: by the community's rule on money paid twice.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    requested_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("words of the decision"), max_length=500, blank=True)
    # Who paid it out, found that it cannot be, or took it back.
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("ended by"),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    paid_on = models.DateField(_("paid out on"), null=True, blank=True)
    # Of one through a provider: the day whose bill lists it. One to a bank card is taken on, and
    # listed, days before it is done; where that is not known, it is looked for on `paid_on`.
    listed_on = models.DateField(_("on the bill of"), null=True, blank=True)
    # The bank's number of the transfer.
    reference = models.CharField(_("reference"), max_length=64, blank=True)
    problem = models.CharField(_("problem"), max_length=500, blank=True)
    # What took the credit, and what gave it back.
    entry = models.OneToOneField(
        CreditEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refund",
        verbose_name=_("credit entry"),
    )
    given_back = models.OneToOneField(
        CreditEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refund_given_back",
        verbose_name=_("given back by"),
    )

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, withheld__gte=0)
                | Q(amount=0, withheld__gt=0, deposit__isnull=False),
                name="refund_of_something",
            ),
            models.CheckConstraint(
                condition=Q(withheld=0) | Q(deposit__isnull=False) & ~Q(withheld_reason=""),
                name="refund_keeps_for_a_reason",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="refund_has_reason"),
            # One person asks, another decides; taking back is the asker's own business.
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, state__in=["requested", "withdrawn"])
                | Q(decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("requested_by"))
                & ~Q(state="requested"),
                name="refund_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["requested", "approved", "processing", "rejected"],
                    ended_at__isnull=True,
                )
                | Q(state__in=["paid", "failed", "withdrawn"], ended_at__isnull=False)
                & (Q(ended_by__isnull=False) | Q(method="original")),
                name="refund_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(paid_on__isnull=False),
                name="refund_paid_on_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(state="paid", method="transfer", amount__gt=0) | ~Q(reference=""),
                name="refund_transfer_has_reference",
            ),
            # One transfer of the bank pays one refund.
            models.UniqueConstraint(
                fields=["community", "reference"],
                condition=~Q(reference=""),
                name="refund_reference_unique",
            ),
            models.CheckConstraint(
                condition=Q(deposit__isnull=False, entry__isnull=True)
                | Q(deposit__isnull=True, state__in=["approved", "processing", "paid", "failed"])
                & Q(entry__isnull=False)
                | Q(deposit__isnull=True, state__in=["requested", "rejected"])
                & Q(entry__isnull=True)
                | Q(deposit__isnull=True, state="withdrawn"),
                name="refund_approved_takes_credit",
            ),
            models.CheckConstraint(
                condition=Q(given_back__isnull=True)
                | Q(entry__isnull=False, state__in=["failed", "withdrawn"]),
                name="refund_gives_back_what_it_took",
            ),
            models.CheckConstraint(
                condition=Q(method="original", payment__isnull=False, instead_of__isnull=True)
                & ~Q(out_refund_no="")
                | ~Q(method="original")
                & Q(payment__isnull=True, instead_of__isnull=True)
                & Q(out_refund_no="")
                | ~Q(method="original")
                & Q(payment__isnull=False, instead_of__isnull=False)
                & Q(out_refund_no=""),
                name="refund_of_payment_the_way_it_came_first",
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=True) | Q(deposit__isnull=True),
                name="refund_of_payment_or_deposit",
            ),
            models.CheckConstraint(
                condition=~Q(state="processing") | Q(method="original", sent_at__isnull=False),
                name="refund_on_its_way_was_sent",
            ),
            models.UniqueConstraint(
                fields=["out_refund_no"],
                condition=~Q(out_refund_no=""),
                name="refund_number_unique",
            ),
        ]
        triggers = [
            frozen(
                "community",
                "account",
                "deposit",
                "amount",
                "withheld",
                "reason",
                "method",
                "requested_by",
                "payment",
                "instead_of",
                "out_refund_no",
            )
        ]

    def __str__(self) -> str:
        return f"{self.payee_name} {self.amount}"

    @property
    def is_delayed(self) -> bool:
        """Whether its provider could not do it so far, so that a person looks after it."""
        return self.state == self.State.PROCESSING and self.check_at is None

    @property
    def by_rule(self) -> bool:
        """Whether a community's rule asked for it, and nobody in person."""
        return self.requested_by_id is None

    @property
    def is_refused(self) -> bool:
        """Whether somebody decided that the money is kept; `refusal` says why."""
        return self.state in (self.State.REJECTED, self.State.WITHDRAWN)

    @property
    def refusal(self) -> str:
        """The words of whoever rejected it or took it back."""
        return self.decision if self.state == self.State.REJECTED else self.problem

    @property
    def asker_id(self) -> int | None:
        """Whoever does not decide on it: who asked, or the payer for whom the rule asked."""
        if self.requested_by_id is None and self.payment and self.payment.order:
            return self.payment.order.user_id
        return self.requested_by_id
