"""Which database and which Redis number a test process uses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql


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


@contextmanager
def server() -> Iterator[Any]:
    """Executes a statement on the server, outside transactions; {} stands for a database's name."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:

            def execute(statement: str, *names: str) -> Any:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
                return cursor

            yield execute
    finally:
        connection.close()
