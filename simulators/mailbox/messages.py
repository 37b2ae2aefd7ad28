"""The messages that came in, as received and as read."""

import json
import time
from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from simulators.database import Database
from simulators.web import Refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    raw BLOB NOT NULL,
    received_at REAL NOT NULL
);
"""
Row = dict[str, Any]


def open_messages(home: Path) -> Database:
    return Database(home / "messages.sqlite3", SCHEMA)


def keep(messages: Database, *, sender: str, recipients: Iterable[str], raw: bytes) -> int:
    """Store a message as received; its id."""
    return messages.execute(
        "INSERT INTO messages (sender, recipients, subject, raw, received_at)"
        " VALUES (?, ?, ?, ?, ?)",
        sender,
        json.dumps(list(recipients), ensure_ascii=False),
        str(parse(raw).get("Subject", "")),
        raw,
        time.time(),
    )


def find(messages: Database, wanted: dict[str, str], *, after: int = 0) -> list[Row]:
    """Messages to exactly the address `to` whose subject contains `subject`, newest first."""
    rows = messages.rows("SELECT * FROM messages WHERE id > ? ORDER BY id DESC", after)
    to, subject = wanted.get("to", "").lower(), wanted.get("subject", "")
    return [
        row
        for row in rows
        if subject in row["subject"] and (not to or to in row["recipients"].lower().split('"'))
    ]


def get(messages: Database, number: str) -> Row:
    """Raises Refused (404)."""
    row = messages.row("SELECT * FROM messages WHERE id = ?", number)
    if row is None:
        raise Refused(404, "NOT_FOUND", "没有这封邮件 No such message")
    return row


def parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise TypeError(f"The parser made a {type(message)}")
    return message


def body(message: EmailMessage, kind: str) -> str:
    """The text of one kind, plain or html; '' if the message has none."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""


def attachments(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.iter_attachments() if isinstance(part, EmailMessage)]


def content(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def as_json(row: Row) -> dict[str, Any]:
    """A message as the control API shows it."""
    message = parse(row["raw"])
    return {
        "id": row["id"],
        "sender": row["sender"],
        "recipients": json.loads(row["recipients"]),
        "subject": row["subject"],
        "text": body(message, "plain"),
        "html": body(message, "html"),
        "attachments": [
            {
                "name": part.get_filename() or "",
                "type": part.get_content_type(),
                "size": len(content(part)),
            }
            for part in attachments(message)
        ],
        "headers": {name: str(value) for name, value in message.items()},
        "received_at": row["received_at"],
    }
