"""The three clocks of a ticket: what they are called and which columns they live in."""

from datetime import datetime
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _


class ClockFields(NamedTuple):
    """The columns of one clock: when it runs out, and when it was stopped."""

    due: str
    stopped: str


class Clock(models.TextChoices):
    """What we owe the reporter by a time (首次响应, 承诺回复, 办结)."""

    FIRST_RESPONSE = "first_response", _("first response")
    PROMISED_REPLY = "promised_reply", _("promised reply")
    RESOLUTION = "resolution", _("resolution")


CLOCKS = {
    Clock.FIRST_RESPONSE: ClockFields("first_response_due_at", "first_responded_at"),
    Clock.PROMISED_REPLY: ClockFields("promised_at", "promise_kept_at"),
    Clock.RESOLUTION: ClockFields("resolution_due_at", "resolved_at"),
}


class RunningClock(NamedTuple):
    """A clock of a ticket that has not been stopped."""

    clock: Clock
    due_at: datetime
