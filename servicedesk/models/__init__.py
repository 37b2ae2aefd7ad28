from servicedesk.models.clock import CLOCKS, Clock, RunningClock
from servicedesk.models.history import TicketBreach, TicketEvent, TicketMessage
from servicedesk.models.policy import ReplyPhrase, SlaPolicy, TicketKind
from servicedesk.models.ticket import Ticket

__all__ = [
    "CLOCKS",
    "Clock",
    "ReplyPhrase",
    "RunningClock",
    "SlaPolicy",
    "Ticket",
    "TicketBreach",
    "TicketEvent",
    "TicketKind",
    "TicketMessage",
]
