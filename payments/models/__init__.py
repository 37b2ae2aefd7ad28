from payments.models.order import OrderBill, PaymentOrder, ProviderEvent
from payments.models.payment import Payment, Posting, Receipt, ReceiptLine, ReceiptSeries

__all__ = [
    "OrderBill",
    "Payment",
    "PaymentOrder",
    "Posting",
    "ProviderEvent",
    "Receipt",
    "ReceiptLine",
    "ReceiptSeries",
]
