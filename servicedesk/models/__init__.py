from servicedesk.models.ticket import (
    SlaPolicy,
    Ticket,
    TicketBreach,
    TicketKind,
    TicketMessage,
)

__all__ = ["SlaPolicy", "Ticket", "TicketBreach", "TicketKind", "TicketMessage"]
