"""The SMTP side: aiosmtpd in a thread of its own."""

import asyncio
import sys
import threading

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulators import process
from simulators.database import Database
from simulators.faults import Faults
from simulators.mailbox import messages

LARGEST_MESSAGE = 10_000_000  # bytes


class Handler:
    """Accepts every recipient except those that the fault switches name."""

    def __init__(self, store: Database, faults: Faults) -> None:
        self.store = store
        self.faults = faults

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address.lower() in map(str.lower, self.faults["refuse"]):
            return "550 5.1.1 No such user here"
        if address.lower() in map(str.lower, self.faults["defer"]) or self.faults.take(
            "defer_next"
        ):
            return "451 4.7.1 Try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content or b""
        number = messages.keep(
            self.store,
            sender=envelope.mail_from or "",
            recipients=envelope.rcpt_tos,
            raw=raw.encode() if isinstance(raw, str) else raw,
        )
        if self.faults.take("cut_next") and server.transport:
            server.transport.close()
        return f"250 2.0.0 OK: kept as {number}"


class SmtpServer:
    """Listens until stopped. Leaves the process with a sentence if it cannot bind."""

    def __init__(self, handler: Handler, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            self._server = self._loop.run_until_complete(
                self._loop.create_server(
                    lambda: SMTP(
                        handler,
                        hostname="mailbox",
                        ident="mailbox",
                        data_size_limit=LARGEST_MESSAGE,
                        enable_SMTPUTF8=True,
                        loop=self._loop,
                    ),
                    process.host(),
                    port,
                )
            )
        except OSError as error:
            sys.exit(f"mailbox: cannot listen on {process.host()}:{port}: {error.strerror}")
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
