from billing.models.account import Account
from billing.models.charge import Charge
from billing.models.credit import Allocation, CreditEntry
from billing.models.run import Bill, BillingPeriod, BillRun, RunException
from billing.models.tariff import FeeItem, Tariff
from billing.models.usage import Meter, MeterReading, SharedCost

__all__ = [
    "Account",
    "Allocation",
    "Bill",
    "BillRun",
    "BillingPeriod",
    "Charge",
    "CreditEntry",
    "FeeItem",
    "Meter",
    "MeterReading",
    "RunException",
    "SharedCost",
    "Tariff",
]
