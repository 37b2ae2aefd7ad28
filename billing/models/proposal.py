"""A new fee standard in public: proposed, commented, decided (费用调整公示)."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.tariff import Tariff
from community.models import Building, Community, Unit, today

if TYPE_CHECKING:
    from community.models import User


class TariffProposalQuerySet(models.QuerySet["TariffProposal"]):
    def visible_to(self, user: "User") -> "TariffProposalQuerySet":
        """Published ones of communities where `user` lives or pays, all where he works."""
        at_home = Q(community__parties__bindings__user=user) & ~Q(state=TariffProposal.State.DRAFT)
        return self.filter(Q(community__in=Community.objects.visible_to(user)) | at_home).distinct()

    def open_for(self, user: "User") -> "TariffProposalQuerySet":
        """Those on which a resident may still say something today, the first to close first."""
        return (
            self.filter(community__in=Unit.objects.of_resident(user).values("community"))
            .filter(state=TariffProposal.State.OPEN, comments_until__gte=today())
            .order_by("comments_until", "pk")
        )


class TariffProposal(models.Model):
    """A version of a fee standard to be, open for comments until a day, then decided.

    An adopted proposal becomes a `Tariff` at once, which takes effect by itself on its date: bills
    are issued before their period begins and must know its price.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        OPEN = "open", _("open for comments")
        ADOPTED = "adopted", _("adopted")
        WITHDRAWN = "withdrawn", _("withdrawn")

    # An adopted one may be withdrawn until it takes effect, if nothing was billed by it.
    TRANSITIONS = {
        State.DRAFT: {State.OPEN, State.WITHDRAWN},
        State.OPEN: {State.ADOPTED, State.WITHDRAWN},
        State.ADOPTED: {State.WITHDRAWN},
        State.WITHDRAWN: set(),
    }

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="proposals", verbose_name=_("community")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    title = models.CharField(_("title"), max_length=200)
    explanation = models.TextField(_("why"))
    fee_item_name = models.CharField(_("fee item"), max_length=50)
    unit_kind = models.CharField(_("unit type"), max_length=10, choices=Unit.Kind)
    building = models.ForeignKey(
        Building,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("building"),
        help_text=_("Empty: all buildings."),
    )
    units = models.ManyToManyField(
        Unit, blank=True, related_name="+", verbose_name=_("only these units")
    )
    method = models.CharField(_("method"), max_length=20, choices=Tariff.Method)
    price = models.DecimalField(
        _("price, yuan"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    tiers = models.CharField(_("tiers"), max_length=200, blank=True)
    vacancy_factor = models.DecimalField(
        _("vacancy factor"), max_digits=6, decimal_places=4, default=Decimal(1)
    )
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Tariff.Rounding, default=Tariff.Rounding.WHOLE
    )
    starts_on = models.DateField(_("takes effect on"))
    service_standard = models.TextField(_("service standard"), blank=True)
    legal_basis = models.CharField(_("legal basis"), max_length=500, blank=True)
    pricing_form = models.CharField(
        _("pricing form"), max_length=20, choices=Tariff.PricingForm, blank=True
    )
    form_token = models.UUIDField(unique=True, db_default=RandomUUID())  # two presses write one
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    comments_until = models.DateField(_("comments until"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.TextField(_("decision and its reasons"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("prepared by"),
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    tariff = models.OneToOneField(
        Tariff,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="proposal",
        verbose_name=_("became"),
    )
    # Which versions got their last day when it was adopted, and what that was before (id: ISO date
    # or None): withdrawn in time, it gives it back.
    superseded = models.JSONField(default=dict, blank=True, editable=False)

    objects = TariffProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("proposed fee standard")
        verbose_name_plural = _("proposed fee standards")
        ordering = ["-starts_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"])
                | Q(published_at__isnull=False, comments_until__isnull=False),
                name="proposal_open_is_published",
            ),
            models.CheckConstraint(
                condition=Q(comments_until__isnull=True) | Q(starts_on__gt=F("comments_until")),
                name="proposal_starts_after_comments",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ProposalComment(models.Model):
    """What a resident says to a proposal, and what the office answers, both for all to read."""

    proposal = models.ForeignKey(
        TariffProposal,
        on_delete=models.PROTECT,
        related_name="comments",
        verbose_name=_("proposal"),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("author"),
    )
    # Shown instead of the name: "a resident of building 3".
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("unit")
    )
    text = models.TextField(_("comment"), max_length=2000)
    form_token = models.UUIDField(unique=True, db_default=RandomUUID())  # two presses say it once
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.text[:50]
