"""What happened on tickets; sent inside the transaction that made it happen."""

from django.dispatch import Signal

ticket_opened = Signal()  # ticket
ticket_replied = Signal()  # ticket, message
ticket_breached = Signal()  # ticket, breach
