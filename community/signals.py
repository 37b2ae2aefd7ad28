"""What happened to people; sent inside the transaction that made it happen."""

from django.dispatch import Signal

# user: User, phone: str, code: str. The one-time code must not be logged or kept once sent.
sign_in_code_requested = Signal()
binding_decided = Signal()  # binding_request
