"""Processes of the portal on the test's own database, to be killed."""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote

from django.conf import settings
from django.db import connection

OF_THIS_TEST = "PYTEST_CURRENT_TEST"
PATIENCE = 60  # seconds until a process that should have ended is called a failure


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that works on the database of this test."""
    database = connection.settings_dict
    host, port = quote(str(database["HOST"]), safe=""), database["PORT"]
    login = quote(str(database["USER"]), safe="")
    if database["PASSWORD"]:
        login += ":" + quote(str(database["PASSWORD"]), safe="")
    url = f"postgres://{login}@{host}{f':{port}' if port else ''}/{database['NAME']}"
    inherited = {name: value for name, value in os.environ.items() if name != OF_THIS_TEST}
    return inherited | {
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **more,
    }


class Parent:
    """A process that has loaded the portal, and forks one that works for each line that it reads.

    To load the portal takes two seconds, far longer than what is killed. It has no connections.
    """

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(self.end)

    def fork(self, *arguments: object) -> int:
        """Has a child do the work that `arguments` name; its exit code, −9 if it was killed."""
        process = self._process
        assert process.stdin
        assert process.stdout
        print(json.dumps([str(argument) for argument in arguments]), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            os.killpg(process.pid, signal.SIGKILL)
        return int(process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


@cache
def _parent(module: str, env: tuple[tuple[str, str], ...]) -> Parent:
    return Parent(module, dict(env))


def run_until_it_dies(module: str, *arguments: object, env: Mapping[str, str]) -> int:
    """Has a process of its own do what `module` calls `arguments`; −9 says that it was killed."""
    return _parent(module, tuple(sorted(env.items()))).fork(*arguments)


def start(*command: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, so that its children die with it."""
    return subprocess.Popen([sys.executable, "-m", *command], env=env, start_new_session=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 for the process and all of its children."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
