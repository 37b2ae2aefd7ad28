"""What a channel is: something that brings a message to an address and says what came of it."""

import datetime
import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from notices.channels.reasons import Meanings


@dataclass(frozen=True)
class Message:
    """One message to one address, in every form that a channel may want.

    `key` is the delivery's own: the same for each try, different for every other delivery.
    Channels that carry text use `subject`, `text` and `html`; those with approved templates use
    `template` (our name for it, not the provider's) and `params`.
    """

    key: str
    address: str
    subject: str = ""
    # Never in a repr, so never in a log or a traceback: a one-time code may be among the params.
    text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    template: str = ""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Accepted:
    """The provider took the message and is responsible for it now."""

    provider_id: str = ""


class Fate(enum.Enum):
    """What a provider says about a message when it is asked."""

    NOT_FOUND = "not_found"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """A provider's answer to the question what became of a message."""

    fate: Fate
    provider_id: str = ""
    error: str = ""


class ChannelError(Exception):
    """A message was not sent for certain, or perhaps. Its text may be shown to staff.

    It never quotes what was sent: the texts of the libraries below often carry the whole request.
    """


class TransportError(ChannelError):
    """Certainly not sent. `permanent`: this message will not get there however often we try."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class OutcomeUnknown(ChannelError):
    """The connection broke or the time ran out after the message may have been taken."""


class Channel(ABC):
    """Base of all channels. One instance serves a process, so it keeps no state of a message.

    A subclass is named in settings.NOTICE_CHANNELS and passes tests/notices/channel_contract.py.
    """

    # Whether `ask` works. What cannot be asked is never sent again after an unknown outcome.
    can_be_asked: ClassVar[bool] = False
    # What the provider's codes mean to staff. What is not among them is called a refusal.
    meanings: ClassVar[Meanings] = ()

    @abstractmethod
    def send(self, message: Message) -> Accepted:
        """Hands `message` to the provider within 30 seconds.

        Raises TransportError (not sent) or OutcomeUnknown (perhaps sent).
        """

    def ask(self, message: Message, *, since: datetime.datetime) -> Answer:
        """What became of `message`, first tried at `since`. Only if `can_be_asked`.

        Raises TransportError (transient) when the provider does not answer now. Asking a channel
        that cannot be asked (a mail server knows nothing of yesterday) is a mistake of ours, and
        any answer would be made up: NotImplementedError.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be asked")

    def missing_settings(self) -> list[str]:
        """What has to be configured before this channel can send, in words for an operator."""
        return []
