"""The messages that were accepted, and what became of them."""

import re
import secrets
import time
from pathlib import Path
from typing import Any

from simulators.database import Database
from simulators.web import Refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    sign_name TEXT NOT NULL,
    template TEXT NOT NULL,
    params TEXT NOT NULL,
    out_id TEXT NOT NULL,
    biz_id TEXT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'failed', 'delivered')),
    err_code TEXT NOT NULL DEFAULT '',
    sent_at REAL NOT NULL,
    reported_at REAL
);
CREATE INDEX IF NOT EXISTS messages_by_phone ON messages (phone);
CREATE INDEX IF NOT EXISTS messages_by_out_id ON messages (out_id);
"""
MOST_NUMBERS = 1000  # of one request
FILTERS = {"phone": "phone", "out_id": "out_id", "template": "template", "biz_id": "biz_id"}

Message = dict[str, Any]


def open_messages(home: Path) -> Database:
    return Database(home / "messages.sqlite3", SCHEMA)


def numbers(text: str, *, illegal_prefix: str = "") -> list[str]:
    """Mainland numbers without their country code. Raises Refused (isv.MOBILE_NUMBER_ILLEGAL)."""
    found = [re.sub(r"^(\+86|0086|86(?=1\d{10}$))", "", part.strip()) for part in text.split(",")]
    if len(found) > MOST_NUMBERS:
        raise Refused(200, "isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
    for number in found:
        spoilt = illegal_prefix and number.startswith(illegal_prefix)
        if spoilt or not re.fullmatch(r"1[3-9]\d{9}", number):
            raise Refused(200, "isv.MOBILE_NUMBER_ILLEGAL", f"{number}invalid mobile number")
    return found


def accept(messages: Database, phones: list[str], *, auto_report: bool, **content: str) -> str:
    """Keep one message a number; the BizId that they share. `content`: the columns' values."""
    biz_id = f"{secrets.randbelow(10**18):018d}^0"
    now = time.time()
    status, err_code = ("delivered", "DELIVERED") if auto_report else ("waiting", "")
    with messages.transaction():
        for phone in phones:
            messages.execute(
                "INSERT INTO messages (phone, sign_name, template, params, out_id, biz_id, text,"
                " status, err_code, sent_at, reported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                phone,
                content["sign_name"],
                content["template"],
                content["params"],
                content["out_id"],
                biz_id,
                content["text"],
                status,
                err_code,
                now,
                now if auto_report else None,
            )
    return biz_id


def find(messages: Database, wanted: dict[str, str], *, after: int = 0) -> list[Message]:
    """Messages that equal every filter given, newest first, newer than the id `after`."""
    conditions = ["id > ?"]
    values: list[object] = [after]
    for name, column in FILTERS.items():
        if wanted.get(name):
            conditions.append(f"{column} = ?")
            values.append(wanted[name])
    where = " AND ".join(conditions)
    return messages.rows(f"SELECT * FROM messages WHERE {where} ORDER BY id DESC", *values)


def report(messages: Database, found: list[Message], *, success: bool, err_code: str) -> None:
    """Note what the carrier said of these messages."""
    with messages.transaction():
        for message in found:
            messages.execute(
                "UPDATE messages SET status = ?, err_code = ?, reported_at = ? WHERE id = ?",
                "delivered" if success else "failed",
                err_code,
                time.time(),
                message["id"],
            )


def parts(text: str) -> int:
    """How many short messages a text takes: 70 characters, or 67 in each of several."""
    return 1 if len(text) <= 70 else -(-len(text) // 67)
