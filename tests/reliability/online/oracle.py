"""Both sides' ledgers, by SQL on the files and tables themselves.

Nothing of the portal is used here, and nothing of the simulators: what they believe of their own
rows is what is to be proved.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import NamedTupleCursor

THEIR_ORDERS = {
    "wechatpay": "SELECT out_trade_no, total, transaction_id, paid_at FROM orders",
    "alipay": "SELECT out_trade_no, total, trade_no, paid_at FROM orders",
}
THEIR_REFUNDS = {
    "wechatpay": "SELECT out_refund_no, out_trade_no, amount, status = 'SUCCESS' FROM refunds",
    "alipay": "SELECT out_request_no, out_trade_no, amount, status = 'SUCCESS' FROM refunds",
}
# The operator's numbers of the texts that were approved → what they tell.
TEXTS = {
    "SMS_300000003": "receipt",
    "SMS_300000010": "paid twice",
    "SMS_300000011": "refund",
    "SMS_300000012": "refund that failed",
    "SMS_300000016": "refund that failed",  # so far; should it fail then, nobody hears twice
}
ORDERS = """
SELECT o.id, o.provider, o.scene, o.out_trade_no, o.amount, o.state, o.transaction_id, o.problem,
       o.share_id, u.phone,
       (SELECT count(*) FROM payments_payment p WHERE p.order_id = o.id) AS payments,
       (SELECT sum(p.amount) FROM payments_payment p WHERE p.order_id = o.id) AS recorded,
       (SELECT count(*) FROM payments_payment p JOIN payments_receipt r ON r.payment_id = p.id
         WHERE p.order_id = o.id) AS receipts,
       (SELECT sum(l.amount) FROM payments_payment p JOIN payments_receipt r ON r.payment_id = p.id
          JOIN payments_receiptline l ON l.receipt_id = r.id WHERE p.order_id = o.id) AS receipted,
       (SELECT sum(e.amount) FROM payments_payment p JOIN payments_posting q ON q.payment_id = p.id
          JOIN billing_creditentry e ON e.id = q.credit_entry_id WHERE p.order_id = o.id) AS posted,
       (SELECT count(*) FROM payments_orderbill b WHERE b.order_id = o.id) AS bills,
       COALESCE((SELECT sum(l.amount) FROM payments_payment p
          JOIN payments_receipt r ON r.payment_id = p.id
          JOIN payments_receiptline l ON l.receipt_id = r.id
         WHERE p.order_id = o.id AND l.charge_id IS NULL), 0) AS kept,
       COALESCE((SELECT sum(a.amount) FROM payments_orderaccount a
         WHERE a.order_id = o.id AND a.purpose = 'prepayment'), 0) AS ahead
  FROM payments_paymentorder o JOIN community_user u ON u.id = o.user_id
 WHERE o.community_id = ANY(%(communities)s)
"""
# What each order, or payment at the desk (order NULL), was meant to bring which account.
PARTS = """
SELECT o.out_trade_no, o.provider, c.account_id, p.phone, l.amount, true AS of_bill
  FROM payments_paymentorder o JOIN payments_orderbill l ON l.order_id = o.id
  JOIN billing_bill c ON c.id = l.bill_id JOIN billing_account a ON a.id = c.account_id
  JOIN community_party p ON p.id = a.party_id WHERE o.community_id = ANY(%(communities)s)
UNION ALL
SELECT o.out_trade_no, o.provider, l.account_id, p.phone, l.amount, false
  FROM payments_paymentorder o JOIN payments_orderaccount l ON l.order_id = o.id
  JOIN billing_account a ON a.id = l.account_id JOIN community_party p ON p.id = a.party_id
 WHERE o.community_id = ANY(%(communities)s)
UNION ALL
SELECT NULL, y.id::text, e.account_id, p.phone, e.amount, true
  FROM payments_payment y JOIN payments_posting q ON q.payment_id = y.id
  JOIN billing_creditentry e ON e.id = q.credit_entry_id
  JOIN billing_account a ON a.id = e.account_id JOIN community_party p ON p.id = a.party_id
 WHERE y.community_id = ANY(%(communities)s) AND y.order_id IS NULL
"""
ACCOUNTS = """
SELECT a.id,
       COALESCE((SELECT sum(e.amount) FROM billing_creditentry e WHERE e.account_id = a.id), 0)
         AS credited,
       COALESCE((SELECT sum(b.amount) FROM billing_bill b WHERE b.account_id = a.id), 0) AS billed,
       COALESCE((SELECT sum(l.amount) FROM billing_allocation l
          JOIN billing_charge c ON c.id = l.charge_id WHERE c.account_id = a.id), 0) AS settled
  FROM billing_account a WHERE a.community_id = ANY(%(communities)s)
"""
REFUNDS = """
SELECT r.id, r.out_refund_no, r.account_id, r.amount, r.state, r.problem, r.entry_id,
       r.requested_by_id, o.provider, o.out_trade_no, o.amount AS whole, u.phone AS user_phone,
       p.phone AS party_phone,
       (SELECT count(*) FROM payments_payoutvoucher v WHERE v.refund_id = r.id) AS vouchers
  FROM payments_refund r JOIN billing_account a ON a.id = r.account_id
  JOIN community_party p ON p.id = a.party_id JOIN payments_payment y ON y.id = r.payment_id
  JOIN payments_paymentorder o ON o.id = y.order_id JOIN community_user u ON u.id = o.user_id
 WHERE r.community_id = ANY(%(communities)s)
"""
EVENTS = """
SELECT e.provider || ' ' || e.event_id AS event FROM payments_providerevent e
 WHERE e.state = 'received' AND e.out_trade_no IN
       (SELECT out_trade_no FROM payments_paymentorder WHERE community_id = ANY(%(communities)s))
"""
NUMBERS = """
SELECT community_id, year, number, count(*) FROM payments_receipt
 WHERE community_id = ANY(%(communities)s) GROUP BY 1, 2, 3 HAVING count(*) > 1
"""
DAYS = """
SELECT d.provider, d.day, d.their_lines, d.our_lines, d.fees = d.fees_due AS fees_agree,
       (SELECT count(*) FROM payments_reconciliationline l WHERE l.reconciliation_id = d.id)
         AS differences
  FROM payments_reconciliation d WHERE d.community_id = ANY(%(communities)s)
"""


QUERIES = {
    "orders": ORDERS,
    "parts": PARTS,
    "accounts": ACCOUNTS,
    "refunds": REFUNDS,
    "events": EVENTS,
    "doubled_numbers": NUMBERS,
    "days": DAYS,
}


@dataclass(frozen=True)
class Theirs:
    """What a provider's own ledger says of an order or of a refund."""

    amount: Decimal  # yuan
    number: str = ""
    done: bool = False  # paid once, whatever went back later; or gone back
    order: str = ""


@dataclass
class Ledgers:
    """Everything as it lies there, at one moment on each side."""

    orders: list[Any]
    parts: list[Any]
    accounts: list[Any]
    refunds: list[Any]
    events: list[Any]
    doubled_numbers: list[Any]
    days: list[Any]
    their_orders: dict[tuple[str, str], Theirs] = field(default_factory=dict)
    their_refunds: dict[tuple[str, str], Theirs] = field(default_factory=dict)
    texts: Counter[tuple[str, str]] = field(default_factory=Counter)  # phone, what


def read(database: dict[str, Any], simulators: Path, communities: Collection[int]) -> Ledgers:
    """Theirs first: what we know by then may only be more.

    Args:
        database: how to connect to the portal's.
        simulators: where the simulators keep their files.
        communities: whose rows are looked at; of theirs, those about orders of ours.
    """
    their_orders, their_refunds = {}, {}
    for provider, query in THEIR_ORDERS.items():
        for number, fen, trade, paid_at in _there(simulators / provider / "ledger.sqlite3", query):
            their_orders[provider, number] = Theirs(_yuan(fen), trade or "", paid_at is not None)
        for number, order, fen, done in _there(
            simulators / provider / "ledger.sqlite3", THEIR_REFUNDS[provider]
        ):
            their_refunds[provider, number] = Theirs(_yuan(fen), number, bool(done), order)
    sent = _there(
        simulators / "aliyun_sms" / "messages.sqlite3", "SELECT phone, template FROM messages"
    )
    with closing(psycopg2.connect(**database, cursor_factory=NamedTupleCursor)) as ours:
        ours.set_session(isolation_level="REPEATABLE READ", readonly=True)
        here = {name: _here(ours, query, communities) for name, query in QUERIES.items()}
    numbers = {order.out_trade_no for order in here["orders"]}
    return Ledgers(
        **here,
        their_orders={key: one for key, one in their_orders.items() if key[1] in numbers},
        their_refunds={key: one for key, one in their_refunds.items() if one.order in numbers},
        texts=Counter((phone, TEXTS.get(text, text)) for phone, text in sent),
    )


def _here(ours: Any, query: str, communities: Collection[int]) -> list[Any]:
    with ours.cursor() as cursor:
        cursor.execute(query, {"communities": list(communities)})
        found: list[Any] = cursor.fetchall()
    return found


def _there(file: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as ledger:
        return ledger.execute(query).fetchall()


def _yuan(fen: int) -> Decimal:
    return Decimal(fen) / 100
