"""What a difference between a channel's bill and our books means, and what is usually done."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.models import ReconciliationLine, Refund

Kind, Flow = ReconciliationLine.Kind, ReconciliationLine.Flow

_MEANINGS: dict[tuple[str, str], Promise] = {
    (Kind.NOT_HERE, Flow.PAYMENT): _(
        "The channel has a payment that our books do not have. If it is one of our orders, ask and "
        "record it; else take the money into the books."
    ),
    (Kind.NOT_HERE, Flow.REFUND): _(
        "The channel gave money back and our books know of no refund. Somebody may have refunded "
        "it on the channel's own page: please ask who, and say so here."
    ),
    (Kind.NOT_THERE, Flow.PAYMENT): _(
        "Our books have a payment that the channel's bill does not list. Around midnight it may be "
        "in the bill of the day before or after; else please ask the channel before you explain it."
    ),
    (Kind.NOT_THERE, Flow.REFUND): _(
        "We gave money back and the channel's bill does not list it. It may be in the bill of the "
        "day before or after; else please ask the channel before you explain it."
    ),
    (Kind.AMOUNT, Flow.PAYMENT): _(
        "Both sides have the payment, with different amounts. What is more there can be taken into "
        "the books; if it is less, please ask the channel."
    ),
    (Kind.AMOUNT, Flow.REFUND): _(
        "Both sides have the refund, with different amounts. Please ask the channel which is right."
    ),
    (Kind.TWICE, Flow.PAYMENT): _(
        "The bill lists this payment more than once. Our books have it once: please ask the "
        "channel whether it was charged twice."
    ),
    (Kind.TWICE, Flow.REFUND): _(
        "The bill lists this refund more than once. Please ask the channel whether money went back "
        "twice."
    ),
    (Kind.FEE, Flow.PAYMENT): _(
        "The channel kept another fee than its contract says. Please ask it for the difference."
    ),
    (Kind.FEE, Flow.REFUND): _(
        "With the refund the channel gave back another fee than its contract says. Please ask it "
        "for the difference."
    ),
}

# A refund of ours that came to nothing here, but not there.
_WENT_AFTER_ALL = _(
    "The channel did this refund of ours after all, though it had told us that it could not. The "
    "money may have gone back another way meanwhile: look at our refund first. If the payer has it "
    "twice, please ask him for one of them, and say so here."
)


def our_refund(line: ReconciliationLine) -> Refund | None:
    """The refund of ours that a difference is about; None where the number is not ours."""
    if not line.out_refund_no:
        return None
    found = Refund.objects.filter(community=line.reconciliation.community_id)
    return found.filter(out_refund_no=line.out_refund_no).first()


def meaning(line: ReconciliationLine, refund: Refund | None = None) -> Promise:
    """A sentence or two for the accountant who sees this difference, about `refund` of ours."""
    if line.kind == Kind.NOT_HERE and refund is not None:
        return _WENT_AFTER_ALL
    return _MEANINGS[line.kind, line.flow]
