"""Channels that talk to the simulators."""

import pytest
from pytest_django.fixtures import Settings

from tests.fixtures.simulators import MailboxSimulator, SmsSimulator


@pytest.fixture
def sms(sms_simulator: SmsSimulator, settings: Settings) -> SmsSimulator:
    """The SMS simulator, with the portal pointed at it."""
    for name, value in sms_simulator.account.items():
        setattr(settings, name, value)
    return sms_simulator


@pytest.fixture
def mailbox(mailbox_simulator: MailboxSimulator, settings: Settings) -> MailboxSimulator:
    """The mail simulator, with the portal pointed at it."""
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = mailbox_simulator.smtp_port
    settings.EMAIL_TIMEOUT = 5
    return mailbox_simulator
