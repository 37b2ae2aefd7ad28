from payments.models.bank import BankLine, BankStatement
from payments.models.clearance import Clearance
from payments.models.credit_use import CreditUse, CreditUseLine
from payments.models.deposit import Deposit, DepositEntry
from payments.models.event import ProviderEvent
from payments.models.look import EventLook, OrderLook
from payments.models.order import OrderAccount, OrderBill, PaymentOrder
from payments.models.payer import PayerIdentity
from payments.models.payment import Payment, Posting, Receipt, ReceiptLine
from payments.models.reconciliation import Reconciliation, ReconciliationLine
from payments.models.refund import Refund
from payments.models.series import ReceiptSeries, VoucherSeries
from payments.models.settings import PaymentSettings
from payments.models.settlement import SettlementEntry, SettlementMonth
from payments.models.share import BillShare
from payments.models.voucher import PayoutVoucher

__all__ = [
    "BankLine",
    "BankStatement",
    "BillShare",
    "Clearance",
    "CreditUse",
    "CreditUseLine",
    "Deposit",
    "DepositEntry",
    "EventLook",
    "OrderAccount",
    "OrderBill",
    "OrderLook",
    "PayerIdentity",
    "Payment",
    "PaymentOrder",
    "PaymentSettings",
    "PayoutVoucher",
    "Posting",
    "ProviderEvent",
    "Receipt",
    "ReceiptLine",
    "ReceiptSeries",
    "Reconciliation",
    "ReconciliationLine",
    "Refund",
    "SettlementEntry",
    "SettlementMonth",
    "VoucherSeries",
]
