"""A database of its own for measuring, on the server of DATABASE_URL or an embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from scripts.services import start_for_tests

NAME = f"portal_benchmark_{os.getpid()}"


@contextmanager
def benchmark_database() -> Iterator[str]:
    """The URL of a fresh, migrated database, dropped at the end; Django is set up on it."""
    servers = start_for_tests().environment()
    url = urlsplit(servers["DATABASE_URL"])
    with _administration(servers["DATABASE_URL"]) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
    database = urlunsplit(url._replace(path=f"/{NAME}"))
    os.environ.update(servers, DATABASE_URL=database, DJANGO_SETTINGS_MODULE="config.settings")
    try:
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        call_command("migrate", verbosity=0)
        yield database
        connection.close()
    finally:
        with _administration(servers["DATABASE_URL"]) as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


@contextmanager
def _administration(url: str) -> Iterator["psycopg2.extensions.cursor"]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()
