"""What every channel promises, whoever provides it. A channel's test class inherits this.

It runs against a real server in its own process; the server's ledger says what was sent.
"""

import datetime
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest
from django.utils import timezone

from notices.channels import reasons
from notices.channels.base import Channel, Fate, Message, OutcomeUnknown, TransportError
from notices.channels.reasons import explain


class ChannelContract(ABC):
    """Give the fixtures `channel` and `message`, and what is abstract here; inherit the tests.

    `message` is one that the provider accepts; its secret words are `SECRET`.
    """

    SECRET = "481516"

    @abstractmethod
    def sent_keys(self) -> Sequence[str]:
        """The keys of the messages that the provider has, in any order, doubles included."""

    @abstractmethod
    def given_nobody_listens(self) -> None: ...

    @abstractmethod
    def given_the_address_is_refused(self, message: Message) -> None: ...

    @abstractmethod
    def given_too_many_for_now(self, message: Message) -> None: ...

    @abstractmethod
    def given_the_line_is_cut_after_taking(self) -> None: ...

    def test_sends_once_under_the_deliverys_key(self, channel: Channel, message: Message) -> None:
        accepted = channel.send(message)
        assert accepted.provider_id
        assert self.sent_keys() == [message.key]

    def test_nobody_listens(self, channel: Channel, message: Message) -> None:
        self.given_nobody_listens()
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        assert not caught.value.permanent
        assert explain(str(caught.value), channel.meanings) is reasons.UNREACHABLE

    def test_refused_address(self, channel: Channel, message: Message) -> None:
        self.given_the_address_is_refused(message)
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        assert caught.value.permanent
        assert explain(str(caught.value), channel.meanings) is not reasons.REFUSED
        assert self.sent_keys() == []

    def test_too_many_for_now(self, channel: Channel, message: Message) -> None:
        self.given_too_many_for_now(message)
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        assert not caught.value.permanent
        assert self.sent_keys() == []

    def test_cut_after_taking(self, channel: Channel, message: Message) -> None:
        """The provider has it, we do not know: that must not look like a failure."""
        self.given_the_line_is_cut_after_taking()
        with pytest.raises(OutcomeUnknown):
            channel.send(message)
        assert self.sent_keys() == [message.key]

    def test_asking(self, channel: Channel, message: Message) -> None:
        since = timezone.now() - datetime.timedelta(minutes=1)
        if not channel.can_be_asked:
            with pytest.raises(NotImplementedError):
                channel.ask(message, since=since)
            return
        assert channel.ask(message, since=since).fate is Fate.NOT_FOUND
        self.given_the_line_is_cut_after_taking()
        with pytest.raises(OutcomeUnknown):
            channel.send(message)
        assert channel.ask(message, since=since).fate in {Fate.ACCEPTED, Fate.DELIVERED}
        other = Message(
            key=str(uuid.uuid4()),
            address=message.address,
            template=message.template,
            params=message.params,
        )
        assert channel.ask(other, since=since).fate is Fate.NOT_FOUND

    def test_asking_when_nobody_listens(self, channel: Channel, message: Message) -> None:
        if not channel.can_be_asked:
            return
        self.given_nobody_listens()
        with pytest.raises(TransportError) as caught:
            channel.ask(message, since=timezone.now())
        assert not caught.value.permanent

    def test_what_goes_wrong_never_quotes_the_message(
        self, channel: Channel, message: Message
    ) -> None:
        self.given_nobody_listens()
        with pytest.raises(TransportError) as caught:
            channel.send(message)
        error: BaseException | None = caught.value
        while error is not None:
            assert self.SECRET not in str(error)
            assert message.address not in str(error)
            error = error.__cause__
        assert self.SECRET not in repr(message)

    def test_nothing_missing_when_configured(self, channel: Channel) -> None:
        assert channel.missing_settings() == []
