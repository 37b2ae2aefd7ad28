"""The embedded PostgreSQL and Valkey: python -m scripts.services start|stop|env|status|remove.

They are used unless DATABASE_URL / REDIS_URL name real servers. Both listen only on a socket in a
private directory, so clones on one machine never meet. An instance is one pair of servers with its
own data: `demo` belongs to scripts/run, and every test session gets one of its own.
"""

from __future__ import annotations

import argparse
import atexit
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from scripts import processes
from scripts.accounts import Account, ServiceError
from scripts.servers import Postgres, Valkey

PROJECT = Path(__file__).resolve().parent.parent
# What another account can reach when the project lies where it cannot (/root).
OUTSIDE = Path("/var/lib/property-fee-portal")
SOCKET_PATH_LIMIT = 107  # bytes, set by the kernel
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"


def setting(name: str, *, root: Path = PROJECT) -> str:
    """A variable from the environment or the project's .env file; "" if it is in neither."""
    if os.environ.get(name):
        return os.environ[name]
    try:
        lines = (root / ".env").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    for line in lines:
        key, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and key.strip() == name:
            return value.strip().strip("\"'")
    return ""


class Instance:
    """One pair of embedded servers: where it lives, and how to start, stop and remove it."""

    def __init__(
        self,
        name: str = "demo",
        *,
        root: Path = PROJECT,
        durable: bool = True,
        heed: bool = True,
        database_url: str = "",
        redis_url: str = "",
    ) -> None:
        """Nothing is started yet.

        Args:
            name: which pair of servers of this project.
            root: the project's folder.
            durable: False trades safety on power loss for speed.
            heed: False embeds both servers whatever DATABASE_URL and REDIS_URL say.
            database_url: a database to use instead, like DATABASE_URL in the environment.
            redis_url: a broker to use instead, like REDIS_URL.
        """
        self.name = name
        self.root = root
        self.local = root / ".local"
        self.local.mkdir(exist_ok=True)
        place = root.stat()
        self.key = hashlib.sha256(
            f"{root}:{place.st_dev}:{place.st_ino}".encode(), usedforsecurity=False
        ).hexdigest()[:10]
        # What every process that uses this instance on its own carries in its environment.
        self.mark = f"PORTAL_STACK={self.key}-{name}"
        self.account = Account.for_data(self.local / name)
        self.home = self.local / name
        if not self.account.reaches(self.local):
            self.home = OUTSIDE / self.key / name
        self.sockets = self._socket_directory()
        self.log = self.local / "log"
        host = quote(str(self.sockets), safe="")
        self.database_url = f"postgres://portal@{host}/portal"
        self.redis_url = f"unix://{self.sockets}/valkey.sock?db=0"
        self.servers: list[Postgres | Valkey] = []
        if heed:
            database_url = database_url or setting("DATABASE_URL", root=root)
            redis_url = redis_url or setting("REDIS_URL", root=root)
        # A URL that is this instance's own came from our `env` and names nobody else's server.
        if database_url in {"", self.database_url}:
            self.servers.append(Postgres(self, durable=durable))
        else:
            self.database_url = database_url
        if redis_url in {"", self.redis_url}:
            self.servers.append(Valkey(self))
        else:
            self.redis_url = redis_url

    def _socket_directory(self) -> Path:
        inside = self.home / "run"
        plain = re.fullmatch(r"[\w./-]+", str(inside), re.ASCII)
        if plain and len(f"{inside}{LONGEST_SOCKET_NAME}") <= SOCKET_PATH_LIMIT:
            return inside
        short = Path(tempfile.gettempdir()) / f"portal-{self.key}-{self.name}"
        if len(f"{short}{LONGEST_SOCKET_NAME}".encode()) > SOCKET_PATH_LIMIT:
            short = Path("/tmp") / short.name
        return short

    @property
    def programs_home(self) -> Path:
        """Where the portal's own processes keep what is not in the database."""
        return self.local / f"{self.name}-stack"

    @property
    def embeds_database(self) -> bool:
        """Whether the database is ours, and not one that DATABASE_URL names."""
        return any(isinstance(server, Postgres) for server in self.servers)

    def environment(self) -> dict[str, str]:
        """What programs that use this instance need in their environment."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def start(self) -> None:
        """Start what is not running. Raises ServiceError, with the server's own words."""
        with self._alone():
            self.log.mkdir(exist_ok=True)
            self.account.own_directory(self.home)
            self.account.own_directory(self.sockets)
            for server in self.servers:
                server.start()

    def stop(self) -> None:
        """Stop what is running; quiet when nothing is."""
        with self._alone():
            for server in reversed(self.servers):
                server.stop()

    def status(self) -> dict[str, bool]:
        """Which embedded servers of this instance are running."""
        return {server.title: server.running() for server in self.servers}

    def remove(self) -> None:
        """End whatever carries the mark, stop the servers, and delete all data of this instance."""
        processes.kill(self.mark)
        self.stop()
        for directory in (self.sockets, self.home, self.programs_home):
            if directory.exists():
                shutil.rmtree(directory)
        for log in self.log.glob(f"{self.name}-*.log*"):  # with .log.1
            log.unlink()
        outside = OUTSIDE / self.key
        if outside.exists() and {path.name for path in outside.iterdir()} <= {"packages"}:
            shutil.rmtree(outside)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with _locked(self.local / "services.lock"):
            yield


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


@contextmanager
def passing(instance: Instance) -> Iterator[Instance]:
    """An instance that is removed at the end, or, if this process is killed, by the next one.

    The lock that this process holds meanwhile tells others that it is not yet a leftover.
    """
    sweep(instance.root)
    owner = instance.local / f"{instance.name}.owner"
    with _locked(owner):
        try:
            yield instance
        finally:
            instance.remove()
            owner.unlink(missing_ok=True)


def sweep(root: Path) -> None:
    """Remove what killed test sessions left behind, processes and data."""
    for owner in (root / ".local").glob("*.owner"):
        try:
            with _locked(owner, wait=False):
                Instance(owner.stem, root=root, heed=False).remove()
                owner.unlink()
        except (BlockingIOError, PermissionError, FileNotFoundError):
            continue  # still at work, another user's, or swept by somebody else just now


def start_for_tests(*, root: Path = PROJECT) -> Instance:
    """Servers of this process alone, gone when it ends, so that tests never meet a demo's data."""
    instance = Instance(f"test-{os.getpid()}", root=root, durable=False)
    if instance.servers:
        owner, stack = os.getpid(), ExitStack()
        stack.enter_context(passing(instance))
        # A forked child must not end its parent's servers.
        atexit.register(lambda: stack.close() if os.getpid() == owner else None)
        instance.start()
    return instance


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 done, 1 could not, 3 `status` found something not running."""
    parser = argparse.ArgumentParser(prog="python -m scripts.services", description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "env", "status", "remove"])
    parser.add_argument("--instance", default="demo")
    options = parser.parse_args(arguments)
    instance = Instance(options.instance)
    try:
        if options.action == "start":
            instance.start()
        elif options.action == "stop":
            sweep(PROJECT)
            instance.stop()
        elif options.action == "remove":
            instance.remove()
        elif options.action == "env":
            for name, value in instance.environment().items():
                print(f"export {name}={shlex.quote(value)}")
        else:
            for title, up in instance.status().items():
                print(f"{title}: {'running' if up else 'not running'}")
            return 0 if all(instance.status().values()) else 3
    except (ServiceError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
