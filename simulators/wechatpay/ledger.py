"""The simulator's books: what was ordered, paid, refunded, and what the merchant was told."""

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from simulators import callbacks
from simulators.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    out_trade_no TEXT PRIMARY KEY,
    merchant TEXT NOT NULL DEFAULT '',
    prepay_id TEXT NOT NULL UNIQUE,
    scan_token TEXT NOT NULL UNIQUE,
    trade_type TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('NOTPAY', 'SUCCESS', 'CLOSED')),
    description TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total > 0),
    notify_url TEXT NOT NULL,
    attach TEXT NOT NULL,
    time_expire REAL,
    particulars TEXT NOT NULL,
    created_at REAL NOT NULL,
    prepared_at REAL NOT NULL,
    openid TEXT NOT NULL DEFAULT '',
    transaction_id TEXT UNIQUE,
    paid_at REAL,
    closed_at REAL,
    CHECK ((state = 'SUCCESS') = (transaction_id IS NOT NULL))
);
CREATE TABLE IF NOT EXISTS refunds (
    out_refund_no TEXT PRIMARY KEY,
    refund_id TEXT NOT NULL UNIQUE,
    out_trade_no TEXT NOT NULL REFERENCES orders,
    status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS', 'CLOSED', 'ABNORMAL')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    created_at REAL NOT NULL,
    settled_at REAL
);
"""
CHINA = timezone(timedelta(hours=8))


def open_ledger(home: Path) -> Database:
    return Database(home / "ledger.sqlite3", SCHEMA + callbacks.SCHEMA)


def rfc3339(moment: float | None = None) -> str:
    """A moment as WeChat Pay writes it: 2026-01-05T18:22:21+08:00."""
    return datetime.fromtimestamp(moment or time.time(), CHINA).isoformat(timespec="seconds")


def everything(ledger: Database) -> dict[str, list[dict[str, Any]]]:
    """The whole ledger as JSON: the oracle in tests."""
    with ledger.transaction():
        orders = ledger.rows("SELECT * FROM orders ORDER BY created_at, rowid")
        refunds = ledger.rows("SELECT * FROM refunds ORDER BY created_at, rowid")
        return {"orders": orders, "refunds": refunds, **callbacks.history(ledger)}


def empty(ledger: Database) -> None:
    with ledger.transaction():
        for table in ("attempts", "callbacks", "refunds", "orders"):
            ledger.execute(f"DELETE FROM {table}")
