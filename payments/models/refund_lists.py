"""Which refunds: those that somebody may see, and those that wait."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from billing.models import Account

if TYPE_CHECKING:
    from community.models import User
    from payments.models.refund import Refund


class RefundQuerySet(models.QuerySet["Refund"]):
    def in_bills(self) -> Any:
        """Those that the bills of their providers list, each with the day as `listed`."""
        State = self.model.State
        return self.filter(
            Q(state=State.PAID) | Q(state=State.PROCESSING, listed_on__isnull=False),
            method=self.model.Method.ORIGINAL,
        ).annotate(listed=Coalesce("listed_on", "paid_on"))

    def visible_to(self, user: "User") -> "RefundQuerySet":
        """Refunds of `user`'s own accounts, and all of the communities where he works."""
        return self.filter(account__in=Account.objects.visible_to(user))

    def waiting(self) -> "RefundQuerySet":
        """Those that somebody has to decide or pay out."""
        return self.filter(state__in=self.model.OPEN)

    def for_somebody(self) -> "RefundQuerySet":
        """Those that go on by a person alone: to decide on, to pay out, or to give back another way
        because the provider could not."""
        refund: type[Refund] = self.model
        State = refund.State
        through_provider = Q(method=refund.Method.ORIGINAL)
        other_way = refund.objects.filter(instead_of=OuterRef("pk")).exclude(
            state__in=refund.FELL_THROUGH
        )
        return self.filter(
            Q(state=State.REQUESTED)
            | Q(state=State.APPROVED) & ~through_provider
            | Q(state=State.PROCESSING, check_at=None)
            | Q(state=State.FAILED) & through_provider & ~Exists(other_way)
        )
