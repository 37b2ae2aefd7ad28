"""What happened to money; sent inside the transaction that made it happen."""

from django.dispatch import Signal

# payment: Payment, posted and receipted.
payment_received = Signal()
# order: PaymentOrder or None, reason: str; refund: Refund, where it is one of the order that hangs;
# event: ProviderEvent, where a message says it. Money or a message that does not fit our rows.
payment_needs_attention = Signal()
# order: PaymentOrder, paid, of which not all was needed; what becomes of the rest is in the rows.
paid_twice = Signal()
# refund: Refund, in its new state.
refund_changed = Signal()
# refund: Refund, still with its provider, which cannot do it or has not for too long: a person
# gives it back. May be sent more than once.
refund_delayed = Signal()
