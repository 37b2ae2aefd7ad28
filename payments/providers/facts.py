"""What providers and the portal say to each other: errors, and frozen facts.

Amounts are yuan. Whatever a provider wants on the wire is its own affair.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class ProviderError(Exception):
    """The provider did not do what it was asked."""


class TransientError(ProviderError):
    """Network, overload, an answer that cannot be trusted, or our key or clock not being accepted:
    ask again; it may have been done."""


class BillDamaged(TransientError):
    """The day's bill is not what was promised: to be fetched again."""


class BillNotReady(TransientError):
    """The provider is still making the day's bill: ask again later."""


class PermanentError(ProviderError):
    """Refused: asking again changes nothing. Carries the provider's own code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class BalanceShort(PermanentError):
    """The merchant's balance does not cover a refund: top it up, then ask with the same number."""


class AlreadyPaid(ProviderError):
    """The order cannot be opened or closed because it is paid: ask for its facts and settle it."""


class NotGenuine(ProviderError):
    """A callback that the provider did not send, or not to us, or not now."""


class Scene(StrEnum):
    """Where the payer stands."""

    NATIVE = "native"  # a QR code on another screen
    H5 = "h5"  # the browser of a phone
    JSAPI = "jsapi"  # inside the provider's own app
    PAGE = "page"  # the provider's own page, in the browser of a computer


class Capability(StrEnum):
    """What a provider can do beyond taking money."""

    CLOSE = "close"
    REFUND = "refund"
    QUERY_REFUND = "query_refund"
    DOWNLOAD_BILL = "download_bill"


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
    payer: str = ""  # whom the provider's own app knows him as (jsapi)


@dataclass(frozen=True)
class PayInstruction:
    """Where the payer goes: an address to open (h5, page), what a QR code says (native), or the
    provider's word for the order, which a page inside its app hands on (jsapi)."""

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


class RefundState(StrEnum):
    """The provider's truth about a refund."""

    UNKNOWN = "unknown"  # never heard of it, or not done and says no more: ask for it again
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"  # over; no money moved
    ABNORMAL = "abnormal"  # it cannot reach the payer: a person settles it at the provider


@dataclass(frozen=True)
class RefundRequest:
    """What we ask a provider to give back; the same `out_refund_no` gives back once."""

    out_trade_no: str
    out_refund_no: str
    amount: Decimal  # yuan
    total: Decimal  # yuan, of the whole order
    reason: str = ""
    notify_url: str = ""


@dataclass(frozen=True)
class ProviderRefund:
    """What the provider says about a refund."""

    out_refund_no: str
    state: RefundState
    out_trade_no: str = ""
    amount: Decimal | None = None  # yuan
    refund_id: str = ""  # the provider's number, where it has one
    done_at: datetime.datetime | None = None
    # When the provider took it on, where its bill lists it that day and not when it is done.
    taken_on_at: datetime.datetime | None = None


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True)
class BillLine:
    """A line of a day's bill. Amounts in yuan; `amount` is never negative."""

    kind: LineKind
    out_trade_no: str
    transaction_id: str
    amount: Decimal
    fee: Decimal  # what the provider keeps (手续费); negative where it gives its fee back
    happened_at: datetime.datetime
    out_refund_no: str = ""


@dataclass(frozen=True)
class DailyBill:
    """A day's bill as it was downloaded, found whole, and read."""

    day: datetime.date
    lines: tuple[BillLine, ...]
    content: bytes  # the file itself, unpacked; empty when the provider has none for the day
    digest: str  # SHA-256 of content, hexadecimal


@dataclass(frozen=True)
class Answer:
    """What a provider wants to hear to its callback."""

    status: int
    body: str = ""
    content_type: str = "application/json"
