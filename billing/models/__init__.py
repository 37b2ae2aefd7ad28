from billing.models.account import Account
from billing.models.adjustment import Adjustment
from billing.models.bill import Bill
from billing.models.charge import Charge
from billing.models.credit import Allocation, CreditEntry
from billing.models.late_fact import LateFact
from billing.models.late_fee import DisputeHold, LateFeePolicy
from billing.models.offer import EarlyPaymentOffer, OfferUse
from billing.models.opening import OpeningBalance
from billing.models.period import BillingPeriod
from billing.models.proposal import ProposalComment, TariffProposal
from billing.models.run import BillRun, RunChange, RunException
from billing.models.settings import BillingSettings
from billing.models.tariff import FeeItem, Tariff, TariffUnit
from billing.models.usage import Meter, MeterReading, MeterReplacement, SharedCost

__all__ = [
    "Account",
    "Adjustment",
    "Allocation",
    "Bill",
    "BillRun",
    "BillingPeriod",
    "BillingSettings",
    "Charge",
    "CreditEntry",
    "DisputeHold",
    "EarlyPaymentOffer",
    "FeeItem",
    "LateFact",
    "LateFeePolicy",
    "Meter",
    "MeterReading",
    "MeterReplacement",
    "OfferUse",
    "OpeningBalance",
    "ProposalComment",
    "RunChange",
    "RunException",
    "SharedCost",
    "Tariff",
    "TariffProposal",
    "TariffUnit",
]
