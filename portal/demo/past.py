"""Gives the demo its past.

The services stamp what they write with the present moment, as they must. A demo of six quarters
needs stamps of the days on which it would have happened, so this module, and nothing else, rewrites
them: for a community that was made in this very transaction, with the append-only triggers told to
look away.
"""

import datetime
import re
from typing import Any

import pgtrigger
from django.db import connection
from django.utils.timezone import make_aware

from billing.models import TariffProposal
from billing.services.standards.proposals import publish
from community.models import Community, User, today
from portal.demo.calendar import Quarter

MORNING = datetime.time(9, 30)

# Every statement takes the community's id as %(community)s.
_PAYMENTS = """
WITH times AS (
    SELECT id, value_date + TIME '08:40' + INTERVAL '1 minute' * (7 * row_number()
               OVER (PARTITION BY value_date ORDER BY id)) AS moment
    FROM payments_payment WHERE community_id = %(community)s
)
UPDATE payments_payment p SET received_at = times.moment AT TIME ZONE 'Asia/Shanghai'
FROM times WHERE times.id = p.id
"""
_ENTRIES = """
UPDATE billing_creditentry e SET created_at = p.received_at
FROM payments_posting o JOIN payments_payment p ON p.id = o.payment_id
WHERE o.credit_entry_id = e.id AND p.community_id = %(community)s
"""
# Credit that was waiting is used when a bill is issued, so the later of the two days counts.
_ALLOCATIONS = """
UPDATE billing_allocation a SET created_at = GREATEST(e.created_at, b.issued_at)
FROM billing_creditentry e, billing_charge c JOIN billing_bill b ON b.id = c.bill_id,
     billing_account k
WHERE a.credit_entry_id = e.id AND a.charge_id = c.id AND k.id = e.account_id
  AND k.community_id = %(community)s
"""
# Numbers run by the year of the receipt's day: out of the way first, then from 1 in each year.
_RECEIPTS = (
    """
    UPDATE payments_receipt r SET number = number + 1000000, issued_at = p.received_at,
        year = EXTRACT(YEAR FROM p.value_date)
    FROM payments_payment p WHERE p.id = r.payment_id AND r.community_id = %(community)s
    """,
    """
    WITH ranks AS (
        SELECT id, row_number() OVER (PARTITION BY year ORDER BY issued_at, id) AS rank
        FROM payments_receipt WHERE community_id = %(community)s
    )
    UPDATE payments_receipt r SET number = ranks.rank FROM ranks WHERE ranks.id = r.id
    """,
    """
    INSERT INTO payments_receiptseries (community_id, year, last_number)
    SELECT community_id, year, max(number) FROM payments_receipt
    WHERE community_id = %(community)s GROUP BY community_id, year
    ON CONFLICT (community_id, year) DO UPDATE SET last_number = EXCLUDED.last_number
    """,
)
_RUN = """
UPDATE billing_billingperiod SET issued_at = %(moment)s
WHERE community_id = %(community)s AND starts_on = %(starts_on)s;
UPDATE billing_billrun r SET issued_at = %(moment)s, created_at = %(moment)s
FROM billing_billingperiod p
WHERE p.id = r.period_id AND p.community_id = %(community)s AND p.starts_on = %(starts_on)s;
UPDATE billing_bill b SET issued_at = %(moment)s
FROM billing_billrun r JOIN billing_billingperiod p ON p.id = r.period_id
WHERE r.id = b.run_id AND p.community_id = %(community)s AND p.starts_on = %(starts_on)s;
UPDATE notices_campaign c SET created_at = %(moment)s, published_at = %(moment)s
FROM billing_billrun r JOIN billing_billingperiod p ON p.id = r.period_id
WHERE r.id = c.run_id AND p.community_id = %(community)s AND p.starts_on = %(starts_on)s;
UPDATE notices_notice n SET created_at = %(moment)s
FROM notices_campaign c JOIN billing_billrun r ON r.id = c.run_id
JOIN billing_billingperiod p ON p.id = r.period_id
WHERE c.id = n.campaign_id AND p.community_id = %(community)s AND p.starts_on = %(starts_on)s
"""
_NOTICES = (
    """
    UPDATE notices_notice n SET created_at = p.received_at
    FROM payments_payment p
    WHERE n.kind = 'receipt' AND n.community_id = %(community)s
      AND p.id = (n.context ->> 'payment')::bigint
    """,
    """
    UPDATE notices_notice n SET created_at = m.created_at
    FROM servicedesk_ticketmessage m
    WHERE n.kind = 'ticket_reply' AND n.community_id = %(community)s
      AND m.id = (n.context ->> 'message')::bigint
    """,
)
# What was sent has arrived; the newest door notices still hang nowhere: there is a walk to do.
_DELIVERIES = """
UPDATE notices_delivery d SET
    state = 'delivered',
    attempts = CASE WHEN d.channel = 'door' THEN 0 ELSE 1 END,
    due_at = n.created_at,
    sent_at = CASE WHEN d.channel <> 'door' THEN n.created_at + INTERVAL '20 seconds' END,
    delivered_at = n.created_at + CASE WHEN d.channel = 'door' THEN INTERVAL '5 hours'
                                       ELSE INTERVAL '25 seconds' END,
    posted_by_id = CASE WHEN d.channel = 'door' THEN %(clerk)s END
FROM notices_notice n
LEFT JOIN notices_campaign c ON c.id = n.campaign_id
LEFT JOIN billing_billrun r ON r.id = c.run_id
LEFT JOIN billing_billingperiod p ON p.id = r.period_id
WHERE n.id = d.notice_id AND n.community_id = %(community)s
  AND NOT (d.channel = 'door' AND p.starts_on IS NOT DISTINCT FROM %(newest)s)
"""
# Of the newest fee notices one message in fifty did not arrive.
_FAILURES = """
UPDATE notices_delivery d SET state = 'failed', delivered_at = NULL,
    error = CASE d.channel WHEN 'sms' THEN 'isv.MOBILE_NUMBER_ILLEGAL'
                           ELSE '550 no such mailbox' END
FROM notices_notice n
JOIN notices_campaign c ON c.id = n.campaign_id
JOIN billing_billrun r ON r.id = c.run_id
JOIN billing_billingperiod p ON p.id = r.period_id
WHERE n.id = d.notice_id AND n.community_id = %(community)s
  AND p.starts_on = %(newest)s AND d.channel <> 'door' AND d.id %% 50 = 7
"""


def move_to_the_past(*, community: Community, quarters: list[Quarter], clerk: User) -> None:
    """Give the rows of `community`, made a moment ago, the days on which they would be made."""
    own: dict[str, Any] = {"community": community.pk}
    with pgtrigger.ignore():
        for quarter in quarters:
            moment = make_aware(datetime.datetime.combine(quarter.issued_on, MORNING))
            _execute(_RUN, own | {"moment": moment, "starts_on": quarter.starts_on})
        for statement in (_PAYMENTS, _ENTRIES, _ALLOCATIONS, *_RECEIPTS, *_NOTICES):
            _execute(statement, own)
        own |= {"clerk": clerk.pk, "newest": quarters[-1].starts_on}
        for statement in (_DELIVERIES, _FAILURES):
            _execute(statement, own)


def as_if_commented(proposal: TariffProposal) -> TariffProposal:
    """Publish a draft as if so long ago that the time for comments ended three days ago."""
    proposal = publish(proposal=proposal)
    # The database holds both for what is published.
    assert proposal.published_at
    assert proposal.comments_until
    back = proposal.comments_until - today() + datetime.timedelta(days=3)
    proposal.published_at -= back
    proposal.comments_until -= back
    proposal.save(update_fields=["published_at", "comments_until"])
    return proposal


def _execute(statement: str, values: dict[str, Any]) -> None:
    """`pgtrigger.ignore` adds a positional parameter to each statement, so ours become such too."""
    names = re.findall(r"%\((\w+)\)s", statement)
    with connection.cursor() as cursor:
        cursor.execute(re.sub(r"%\(\w+\)s", "%s", statement), [values[name] for name in names])
