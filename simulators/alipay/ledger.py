"""The simulator's books: what was asked for, paid, refunded, and what the merchant was told."""

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from simulators import callbacks
from simulators.database import Database

# A trade is 'ASKED' until its code is scanned or its payer has signed in: Alipay does not know it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    out_trade_no TEXT PRIMARY KEY,
    merchant TEXT NOT NULL DEFAULT '',
    scan_token TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('ASKED', 'WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED')),
    subject TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total > 0),
    notify_url TEXT NOT NULL,
    return_url TEXT NOT NULL,
    time_expire REAL,
    asked_at REAL NOT NULL,
    trade_no TEXT UNIQUE,
    created_at REAL,
    buyer_id TEXT NOT NULL DEFAULT '',
    paid_at REAL,
    closed_at REAL,
    CHECK ((state = 'ASKED') = (trade_no IS NULL))
);
CREATE TABLE IF NOT EXISTS refunds (
    out_trade_no TEXT NOT NULL REFERENCES orders,
    out_request_no TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS', 'FAILED')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    created_at REAL NOT NULL,
    settled_at REAL,
    PRIMARY KEY (out_trade_no, out_request_no)
);
"""
CHINA = timezone(timedelta(hours=8))


def open_ledger(home: Path) -> Database:
    return Database(home / "ledger.sqlite3", SCHEMA + callbacks.SCHEMA)


def clock(moment: float | None = None) -> str:
    """A moment as Alipay writes it, on the clock in China: 2026-01-05 18:22:21."""
    return datetime.fromtimestamp(moment or time.time(), CHINA).strftime("%Y-%m-%d %H:%M:%S")


def yuan(fen: int) -> str:
    """1234 → 12.34."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def everything(ledger: Database) -> dict[str, list[dict[str, Any]]]:
    """The whole ledger as JSON: the oracle in tests."""
    with ledger.transaction():
        orders = ledger.rows("SELECT * FROM orders ORDER BY asked_at, rowid")
        refunds = ledger.rows("SELECT * FROM refunds ORDER BY created_at, rowid")
        return {"orders": orders, "refunds": refunds, **callbacks.history(ledger)}


def empty(ledger: Database) -> None:
    with ledger.transaction():
        for table in ("attempts", "callbacks", "refunds", "orders"):
            ledger.execute(f"DELETE FROM {table}")
