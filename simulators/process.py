"""How a simulator starts, says that it is ready, and stops."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from simulators.web import Application, Server


def home(name: str) -> Path:
    """The folder of one simulator's state and keys."""
    return Path(os.environ.get("SIM_HOME", ".local/simulators")).resolve() / name


def host() -> str:
    return os.environ.get("SIM_HOST", "127.0.0.1")


def port(variable: str, default: int) -> int:
    return int(os.environ.get(variable, default))


def listen(application: Application, port: int) -> Server:
    """Bind, or leave with a sentence that says why not."""
    try:
        return Server((host(), port), application)
    except OSError as error:
        sys.exit(f"{application.name}: cannot listen on {host()}:{port}: {error.strerror}")


def address(server: Server) -> str:
    """host:port as bound, also when port 0 was asked for."""
    return f"{host()}:{server.server_address[1]}"


def serve(server: Server, *more: str) -> None:
    """Print the ready line and answer until SIGTERM or SIGINT."""

    def stop(signum: int, frame: object) -> None:
        # shutdown() waits for the loop that this handler interrupts: ask from another thread.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(server.application.name, "ready", f"http://{address(server)}", *more, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.application.faults.stop()
    server.server_close()


def write_account(folder: Path, stem: str, values: dict[str, str]) -> None:
    """What the portal needs to know, as `NAME=value` lines and as JSON, readable by us alone."""
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / f"{stem}.env", env_lines(values))
    write_private(folder / f"{stem}.json", json.dumps(values, indent=1) + "\n")


def env_lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, mode 600, so that nobody reads half of it."""
    draft = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
