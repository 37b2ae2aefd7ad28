"""Paying inside a provider's app."""

from tests.access.rows import Row
from tests.access.world import Visitor

ROWS = [
    # Whoever comes back from the app; not found unless the session has asked.
    Row("payments:payer_return", expect=dict.fromkeys(Visitor, 404)),
]
