"""Paying inside a provider's app."""

from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Visitor

ROWS = [
    # Not found for whoever was not sent to the app by his session.
    Row("payments:payer_return", expect=dict.fromkeys(Visitor, ANY_ANSWER)),
]
