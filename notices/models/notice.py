"""What is said to whom (notice), and each channel's try to say it (delivery)."""

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Bill, BillRun
from community.models import Community, Party, Unit
from community.privacy import masked_email, masked_phone
from notices.channels import explain_error

if TYPE_CHECKING:
    from community.models import User


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def visible_to(self, user: "User") -> "CampaignQuerySet":
        return self.filter(community__in=Community.objects.visible_to(user))


class Campaign(models.Model):
    """One thing said to many payers: the fee notice of a bill run.

    Issuing writes only this row; a job fans it out to notices and deliveries in chunks, so that
    issuing 100,000 bills does not wait for 100,000 messages.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        FANNING_OUT = "fanning_out", _("being addressed")
        ADDRESSED = "addressed", _("addressed")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="campaigns", verbose_name=_("community")
    )
    run = models.OneToOneField(
        BillRun, on_delete=models.PROTECT, related_name="campaign", verbose_name=_("bill run")
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING)
    # The job's place: parties up to this id are done. A job that died goes on from here.
    reached_party_id = models.BigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    published_at = models.DateTimeField(_("on the bulletin since"), null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")

    def __str__(self) -> str:
        return f"{self.community} {self.run}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: "User") -> "NoticeQuerySet":
        """Notices to `user` himself, to the parties he stands for, and of where he works."""
        return self.filter(
            Q(party__in=user.bindings.values("party_id"))
            | Q(user=user)
            | Q(community__in=Community.objects.visible_to(user))
        )

    def of_resident(self, user: "User") -> "NoticeQuerySet":
        """What was said to `user` and the parties he stands for; codes are not for rereading."""
        return self.filter(Q(party__in=user.bindings.values("party_id")) | Q(user=user)).exclude(
            kind=Notice.Kind.SIGN_IN_CODE
        )


class Notice(models.Model):
    """What is said to one person, once."""

    class Kind(models.TextChoices):
        FEE = "fee", _("fee notice")
        RECEIPT = "receipt", _("receipt")
        SIGN_IN_CODE = "sign_in_code", _("sign-in code")
        STAFF_ALERT = "staff_alert", _("staff alert")
        TICKET_REPLY = "ticket_reply", _("reply to a ticket")
        BINDING = "binding", _("decision on a unit claimed")
        PAYMENT_ALERT = "payment_alert", _("payment to be looked at")
        PAID_TWICE = "paid_twice", _("money paid twice")
        REFUND = "refund", _("refund")
        RUN_DUE = "run_due", _("bills to be issued")

    kind = models.CharField(_("kind"), max_length=14, choices=Kind)
    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("community")
    )
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="notices",
        verbose_name=_("campaign"),
    )
    # To a payer on the register, or to somebody who signs in.
    party = models.ForeignKey(
        Party,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="notices",
        verbose_name=_("party"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notices",
        verbose_name=_("user"),
    )
    bills = models.ManyToManyField(Bill, related_name="notices", blank=True)
    # What the templates need beyond the rows above; never a secret.
    context = models.JSONField(default=dict, blank=True)
    # One event tells one person once, however often the event is told.
    event_key = models.CharField(max_length=100, blank=True, db_default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "party"],
                condition=Q(campaign__isnull=False),
                name="notice_one_per_payer",
            ),
            models.UniqueConstraint(
                fields=["event_key"], condition=~Q(event_key=""), name="notice_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.party or self.user}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, user: "User") -> "DeliveryQuerySet":
        """Staff see the deliveries of the communities where they work; nobody else does."""
        return self.filter(notice__community__in=Community.objects.visible_to(user))

    def outgoing(self) -> "DeliveryQuerySet":
        """What a channel sends; a door notice is carried by a person."""
        return self.exclude(channel=Delivery.Channel.DOOR)

    def door(self) -> "DeliveryQuerySet":
        """Door notices in the order of the walk: building, entrance, floor, room."""
        return self.filter(channel=Delivery.Channel.DOOR).order_by("unit__sort_key", "id")


class Delivery(models.Model):
    """One channel's try to bring a notice to an address (送达): a row of the outbox.

    queued → sending is committed before the provider is called, so a worker that dies leaves a row
    that says "perhaps". `in_doubt_since` keeps that perhaps: it is set when a call begins and taken
    back only by an answer that settles whether the message was taken.
    """

    class Channel(models.TextChoices):
        SMS = "sms", _("SMS")
        EMAIL = "email", _("email")
        DOOR = "door", _("door notice")

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("arrived")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("not known whether it arrived")

    TRANSITIONS: dict[str, set[str]] = {
        # A door notice is posted by hand; a code can expire before it is sent; the operator's
        # report can overtake the answer to the call that it reports on.
        State.QUEUED: {State.SENDING, State.DELIVERED, State.FAILED},
        State.SENDING: {State.SENT, State.QUEUED, State.FAILED, State.UNKNOWN, State.DELIVERED},
        State.SENT: {State.DELIVERED, State.FAILED},
        State.UNKNOWN: {State.SENT, State.DELIVERED, State.FAILED, State.QUEUED},
        State.DELIVERED: set(),
        State.FAILED: {State.QUEUED},  # a person asks for another try
    }

    URGENT = 0  # somebody is waiting for it
    NORMAL = 5

    notice = models.ForeignKey(
        Notice, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("notice")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    address = models.CharField(_("address"), max_length=254)
    # A door notice hangs at a unit: its code is the address, its place gives the walk's order.
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("unit"),
    )
    # What the provider knows the delivery by. Random, because row numbers begin again in a
    # restored or second database and would be taken for messages sent long ago.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Encrypted, for a one-time code only, and emptied as soon as it was sent or has expired.
    secret = models.TextField(blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    priority = models.PositiveSmallIntegerField(default=NORMAL)
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    in_doubt_since = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(_("provider's number"), max_length=100, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("arrived at"), null=True, blank=True)
    # Who hung up a door notice, at `delivered_at`.
    posted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("posted by"),
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "channel", "address"], name="delivery_once_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(secret="") | Q(state__in=["queued", "sending"]),
                name="delivery_secret_gone_once_done",
            ),
            models.CheckConstraint(
                condition=~Q(channel="door") | Q(unit__isnull=False),
                name="delivery_door_has_unit",
            ),
            models.CheckConstraint(
                condition=~Q(channel="door", state="delivered")
                | Q(posted_by__isnull=False, delivered_at__isnull=False),
                name="delivery_posted_has_proof",
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "due_at"],
                condition=Q(state__in=["queued", "sending"]) & ~Q(channel="door"),
                name="delivery_outbox",
            ),
            # What staff look for among many that went well.
            models.Index(
                fields=["notice"],
                condition=Q(state__in=["failed", "unknown"]),
                name="delivery_lost",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.get_state_display()}"

    @property
    def plain_error(self) -> Promise | str:
        """Why it did not arrive, in a sentence that staff can act on."""
        return explain_error(self.channel, self.error) if self.error else ""

    @property
    def masked_address(self) -> str:
        """The address as far as staff need it to know which one it was."""
        if self.channel == self.Channel.SMS:
            return masked_phone(self.address)
        return masked_email(self.address) if self.channel == self.Channel.EMAIL else self.address
