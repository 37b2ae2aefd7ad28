"""Notices: what residents read, the bulletin, and what staff see of deliveries."""

from django.conf import settings

from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Visitor

ROWS = [
    # The token in the address is the key. An empty form is no report: 400, tested with the view.
    Row(
        "notices:sms_report",
        lambda side: {"token": settings.SMS_REPORT_TOKEN},
        post=True,
        expect=dict.fromkeys(Visitor, ANY_ANSWER),
    ),
]
