"""What happened to money; sent inside the transaction that made it happen."""

from django.dispatch import Signal

# payment: Payment, posted and receipted.
payment_received = Signal()
# order: PaymentOrder or None, reason: str. Money or a message that does not fit our rows.
payment_needs_attention = Signal()
# refund: Refund, in its new state.
refund_changed = Signal()
