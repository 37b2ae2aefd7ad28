"""python -m simulators.mailbox: see simulators/README.md."""

from simulators import process
from simulators.faults import Faults
from simulators.layout import PagesApplication
from simulators.mailbox import control, pages
from simulators.mailbox.messages import open_messages
from simulators.mailbox.smtp import Handler, SmtpServer


class Mailbox(PagesApplication):
    brand = pages.BRAND


def main() -> None:
    store = open_messages(process.home("mailbox"))
    faults = Faults(refuse=[], defer=[], defer_next=0)
    application = Mailbox("mailbox", faults)
    for part in (control, pages):
        part.add_routes(application, store)
    server = process.listen(application, process.port("SIM_MAILBOX_PORT", 9103))
    smtp = SmtpServer(Handler(store, faults), process.port("SIM_SMTP_PORT", 8025))
    smtp.start()
    process.serve(server, f"smtp://{process.host()}:{smtp.port}")
    smtp.stop()
    store.close()


if __name__ == "__main__":
    main()
