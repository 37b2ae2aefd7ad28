"""Posting to the portal: callbacks and delivery reports. No proxy, no redirect, no retry."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What the portal said: a status and body, or the error that kept it from saying anything."""

    status: int = 0
    body: str = ""
    error: str = ""


def post(url: str, body: bytes, headers: dict[str, str], *, seconds: float = 5) -> Answer:
    """One POST, answered within so many seconds or not at all."""
    try:
        parts = urlsplit(url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}[parts.scheme]
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    except (KeyError, ValueError):
        return Answer(error=f"{url!r} is not an http address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(4000).decode("utf-8", "replace"))
    except (OSError, HTTPException, ValueError) as error:
        return Answer(error=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
