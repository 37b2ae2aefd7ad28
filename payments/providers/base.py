"""What every payment provider is to the rest of the portal: a small class and frozen facts.

A provider knows its wire protocol and nothing of our database. Amounts are yuan on this side and
whatever the provider wants on the other. Its methods make network calls: never call them inside a
transaction.
"""

import datetime
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings

from config.merchants import variable
from payments.models import Payment
from payments.providers.facts import (
    AlreadyPaid,
    Answer,
    BalanceShort,
    BillDamaged,
    BillLine,
    BillNotReady,
    Capability,
    DailyBill,
    LineKind,
    NotGenuine,
    OrderRequest,
    PayInstruction,
    PermanentError,
    ProviderError,
    ProviderOrder,
    ProviderRefund,
    RefundRequest,
    RefundState,
    Scene,
    TradeState,
    TransientError,
    VerifiedEvent,
)

__all__ = [
    "AlreadyPaid",
    "Answer",
    "BalanceShort",
    "BillDamaged",
    "BillLine",
    "BillNotReady",
    "Capability",
    "DailyBill",
    "LineKind",
    "NotGenuine",
    "OrderRequest",
    "PayInstruction",
    "PermanentError",
    "Provider",
    "ProviderError",
    "ProviderOrder",
    "ProviderRefund",
    "RefundRequest",
    "RefundState",
    "Scene",
    "TradeState",
    "TransientError",
    "VerifiedEvent",
]


class Provider(ABC):
    """One way to be paid online, with one merchant account.

    The accounts are in settings.<PREFIX>: '' for every community that has none of its own, else
    under the community's code (config/merchants.py).
    """

    key: ClassVar[str]  # in our rows and addresses
    prefix: ClassVar[str]  # of its settings
    gateway: ClassVar[str]  # the real one
    method: ClassVar[Payment.Method]
    # How a bank statement calls whoever pays out for it; a part of the name is enough.
    payer_names: ClassVar[tuple[str, ...]] = ()
    scenes: ClassVar[frozenset[Scene]]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    optional: ClassVar[frozenset[str]] = frozenset()  # values of the account that may be missing
    app_agent: ClassVar[str] = ""  # what the browser inside its app calls itself, where it has one

    def __init__(self, merchant: str = "") -> None:
        self.merchant = merchant  # the name of the account

    @classmethod
    def merchants(cls) -> list[str]:
        """The names of all accounts, usable or not."""
        return list(getattr(settings, cls.prefix))

    @property
    def account(self) -> Mapping[str, str]:
        """The values of the account; all empty when there is none of this name."""
        accounts: dict[str, dict[str, str]] = getattr(settings, self.prefix)
        return accounts.get(self.merchant) or dict.fromkeys(accounts[""], "")

    @property
    def _missing(self) -> list[str]:
        """What the account needs and does not have."""
        return sorted(
            name for name, value in self.account.items() if not value and name not in self.optional
        )

    def is_configured(self) -> bool:
        """Whether the merchant account has all that it needs; without it, it is not offered."""
        return not self._missing

    @property
    def open_scenes(self) -> frozenset[Scene]:
        """The scenes that this account can be paid in: perhaps not all of `scenes`."""
        return self.scenes

    def problems(self) -> list[str]:
        """What is wrong with the configuration, for the check at start-up: half an account, keys
        that cannot be read, or a simulator in production."""
        values = self.account
        stem = "_".join(filter(None, [self.prefix, variable(self.merchant)]))
        found = []
        if settings.PRODUCTION and values["GATEWAY"] != self.gateway:
            found.append(
                f"{self.prefix}_GATEWAY is {values['GATEWAY']}: not the real {self.method.label}"
            )
        if not self.merchant and not any(values[name] for name in values if name != "GATEWAY"):
            return found  # no merchant account: not offered
        if missing := self._missing:
            return found + [f"{stem}_{name} is not set" for name in missing]
        try:
            self.load()
        except Exception as error:  # noqa: BLE001 - the libraries raise nothing narrower
            found.append(f"the merchant account {stem} cannot be used: {error}")
        return found

    @abstractmethod
    def load(self) -> None:
        """Reads the account's keys. Raises whatever is wrong with them."""

    @abstractmethod
    def open(self, request: OrderRequest) -> PayInstruction:
        """Places the order; the very same request again gives the same order, with fresh life.

        Raises AlreadyPaid, PermanentError, TransientError.
        """

    @abstractmethod
    def query(self, out_trade_no: str) -> ProviderOrder:
        """The provider's truth. Raises PermanentError, TransientError."""

    @abstractmethod
    def close(self, out_trade_no: str) -> bool:
        """Closes an order, so that it can no longer be paid; closed and unknown orders are fine.

        False when the provider does not know the order *yet*: an address or a code that was given
        out may still make it one, until its time is over.
        Raises AlreadyPaid, PermanentError, TransientError.
        """

    @abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes) -> VerifiedEvent:
        """The content of a callback. Raises NotGenuine; makes no network call."""

    @abstractmethod
    def claim(self, payload: Mapping[str, Any]) -> ProviderOrder | None:
        """What a stored event says about an order; None when it is not about a payment.

        Raises PermanentError when it makes no sense.
        """

    def claim_refund(self, payload: Mapping[str, Any]) -> ProviderRefund | None:
        """What a stored event says about a refund; None when it is not about one.

        Raises PermanentError when it makes no sense.
        """
        return None

    def is_addressed(self, payload: Mapping[str, Any]) -> bool:
        """Whether an event names our merchant account, or none; what names another is refused."""
        try:
            claim = self.claim(payload)
        except PermanentError:
            return True  # it makes no sense: a person looks at it
        return claim is None or self.is_ours(claim)

    @abstractmethod
    def is_ours(self, order: ProviderOrder) -> bool:
        """Whether the order is of our merchant and app."""

    @abstractmethod
    def accepted(self) -> Answer:
        """Tells the provider that the event is stored."""

    @abstractmethod
    def refused(self) -> Answer:
        """Tells the provider that its message was not accepted."""

    def refund(self, request: RefundRequest) -> ProviderRefund:
        """Gives money back; asking again with the same number is the same refund.

        Raises BalanceShort, PermanentError, TransientError (it may have been done: ask again).
        """
        raise self._cannot(Capability.REFUND)

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> ProviderRefund:
        """The provider's truth about a refund. Raises PermanentError, TransientError."""
        raise self._cannot(Capability.QUERY_REFUND)

    def download_bill(self, day: datetime.date) -> DailyBill:
        """What was paid and given back on a day in China, from the provider's own books.

        Ask after 10:00 of the next day: before, the bill is not there, and a day without a bill is
        a day without lines. Raises TransientError (also when the file is not what was promised),
        PermanentError.
        """
        raise self._cannot(Capability.DOWNLOAD_BILL)

    # --- inside the provider's own app (Scene.JSAPI) --------------------------------------------

    @property
    def app(self) -> str:
        """The app that `identify` is about: who pays is called otherwise in each."""
        raise self._cannot(Scene.JSAPI)

    def identify_url(self, *, return_url: str, state: str) -> str:
        """Where the payer's browser goes so that we learn who pays; it comes back to `return_url`
        with `state` and, unless he or the app refuses, a `code`."""
        raise self._cannot(Scene.JSAPI)

    def identify(self, code: str) -> str:
        """Whom the app knows him as who came back with `code`, which is good for one time.

        Raises PermanentError, TransientError.
        """
        raise self._cannot(Scene.JSAPI)

    def app_call(self, pay_url: str) -> Mapping[str, str]:
        """What a page inside the app hands it so that it asks its person to pay; signed for now."""
        raise self._cannot(Scene.JSAPI)

    def _cannot(self, what: Capability | Scene) -> PermanentError:
        return PermanentError("NOT_SUPPORTED", f"{self.key} has no {what}")
