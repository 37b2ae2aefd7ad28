"""Which database and which Redis number a test process uses."""

import os
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def worker_number() -> int:
    """0 for pytest alone, 1, 2, … for the workers of pytest-xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1


def redis_number(url: str, number: int) -> str:
    """The same Redis, another of its 16 databases: redis://host/N or unix:///socket?db=N."""
    if url.startswith("unix:"):
        address, _, query = url.partition("?")
        return f"{address}?{urlencode(dict(parse_qsl(query)) | {'db': str(number)})}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def database(url: str, name: str) -> str:
    """The same database server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
