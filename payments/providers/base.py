"""What every payment provider is to the rest of the portal: a small class and frozen facts.

A provider knows its wire protocol and nothing of our database. Amounts are yuan on this side and
whatever the provider wants on the other. Its methods make network calls: never call them inside a
transaction.
"""

import datetime
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from payments.models import Payment


class ProviderError(Exception):
    """The provider did not do what it was asked."""


class TransientError(ProviderError):
    """Network, overload, an answer that cannot be trusted: ask again; it may have been done."""


class PermanentError(ProviderError):
    """Refused: asking again changes nothing. Carries the provider's own code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class AlreadyPaid(ProviderError):
    """The order cannot be opened or closed because it is paid: ask for its facts and settle it."""


class NotGenuine(ProviderError):
    """A callback that the provider did not send, or not to us, or not now."""


class Scene(StrEnum):
    """Where the payer stands."""

    NATIVE = "native"  # a QR code on another screen
    H5 = "h5"  # the browser of a phone
    JSAPI = "jsapi"  # inside the provider's own app


class Capability(StrEnum):
    """What a provider can do beyond taking money."""

    CLOSE = "close"
    REFUND = "refund"
    DAILY_BILL = "daily_bill"


class TradeState(StrEnum):
    """The provider's truth about an order."""

    UNKNOWN = "unknown"  # never heard of it
    UNPAID = "unpaid"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDED = "refunded"  # was paid; money went back in whole or part


@dataclass(frozen=True)
class OrderRequest:
    """What we ask a provider to collect."""

    out_trade_no: str
    amount: Decimal  # yuan
    description: str
    scene: Scene
    expires_at: datetime.datetime
    notify_url: str
    return_url: str = ""  # where the payer's browser goes afterwards
    client_ip: str = ""


@dataclass(frozen=True)
class PayInstruction:
    """Where the payer goes: an address to open (h5) or what a QR code says (native)."""

    pay_url: str


@dataclass(frozen=True)
class ProviderOrder:
    """What the provider says about an order."""

    out_trade_no: str
    state: TradeState
    amount: Decimal | None = None  # yuan
    transaction_id: str = ""
    paid_at: datetime.datetime | None = None
    # Whose order it is: of our merchant number and our app, or somebody else's.
    merchant: str = ""
    app: str = ""


@dataclass(frozen=True)
class VerifiedEvent:
    """A callback that is genuine. Whether it fits our rows is another question."""

    event_id: str
    out_trade_no: str
    payload: Mapping[str, Any]  # what is stored; without the payer's identity


@dataclass(frozen=True)
class Answer:
    """What a provider wants to hear to its callback."""

    status: int
    body: str = ""
    content_type: str = "application/json"


class Provider(ABC):
    """One way to be paid online."""

    key: ClassVar[str]  # in our rows and addresses
    method: ClassVar[Payment.Method]
    scenes: ClassVar[frozenset[Scene]]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()

    @abstractmethod
    def is_configured(self) -> bool:
        """Whether there is a merchant account; without one the provider is not offered."""

    @abstractmethod
    def problems(self) -> list[str]:
        """What is wrong with the configuration, for the check at start-up (a simulator in
        production, a key that cannot be read)."""

    @abstractmethod
    def open(self, request: OrderRequest) -> PayInstruction:
        """Places the order; the very same request again gives the same order, with fresh life.

        Raises AlreadyPaid, PermanentError, TransientError.
        """

    @abstractmethod
    def query(self, out_trade_no: str) -> ProviderOrder:
        """The provider's truth. Raises PermanentError, TransientError."""

    @abstractmethod
    def close(self, out_trade_no: str) -> None:
        """Makes sure that the order can no longer be paid; closed and unknown orders are fine.

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

    @abstractmethod
    def is_ours(self, order: ProviderOrder) -> bool:
        """Whether the order is of our merchant and app."""

    @abstractmethod
    def accepted(self) -> Answer:
        """Tells the provider that the event is stored."""

    @abstractmethod
    def refused(self) -> Answer:
        """Tells the provider that its message was not accepted."""
