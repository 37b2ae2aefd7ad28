"""Processes of the portal on the test's own database, to be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import quote

from django.conf import settings
from django.db import connection

PATIENCE = 60  # seconds until a process that should have ended is called a failure


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that works on the database of this test."""
    database = connection.settings_dict
    host, port = quote(str(database["HOST"]), safe=""), database["PORT"]
    login = quote(str(database["USER"]), safe="")
    if database["PASSWORD"]:
        login += ":" + quote(str(database["PASSWORD"]), safe="")
    url = f"postgres://{login}@{host}{f':{port}' if port else ''}/{database['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **more,
    }


def run_until_it_dies(module: str, *arguments: object, env: Mapping[str, str]) -> int:
    """Runs `python -m module arguments` to its end; −9 says that it was killed."""
    process = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=env,
        timeout=PATIENCE,
        check=False,
    )
    return process.returncode


def start(*command: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, so that its children die with it."""
    return subprocess.Popen([sys.executable, "-m", *command], env=env, start_new_session=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 for the process and all of its children."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
