"""smtplib against the running mail server."""

import smtplib
from email.message import EmailMessage

import pytest

from tests.fixtures.simulators import ControlError, MailboxSimulator


@pytest.fixture
def message() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "portal@example.com"
    message["To"] = "王 <wang@example.com>"
    message["Subject"] = "物业费通知"
    message.set_content("应缴 ¥123.45")
    message.add_alternative("<p>应缴 <b>¥123.45</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="收据.pdf")
    return message


def send(simulator: MailboxSimulator, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", simulator.smtp_port, timeout=10) as smtp:
        smtp.send_message(message)


def test_message_is_kept_and_read(
    mailbox_simulator: MailboxSimulator, message: EmailMessage
) -> None:
    send(mailbox_simulator, message)
    kept = mailbox_simulator.wait(to="WANG@example.com", subject="通知")
    assert kept["recipients"] == ["wang@example.com"]
    assert kept["text"].strip() == "应缴 ¥123.45"
    assert "<b>" in kept["html"]
    assert kept["attachments"] == [{"name": "收据.pdf", "type": "application/pdf", "size": 8}]
    assert mailbox_simulator.messages(to="ang@example.com") == []
    with pytest.raises(ControlError, match="408"):
        mailbox_simulator.wait(after=kept["id"], timeout=0)


def test_pages_show_the_message_and_its_parts(
    mailbox_simulator: MailboxSimulator, message: EmailMessage
) -> None:
    send(mailbox_simulator, message)
    number = mailbox_simulator.messages()[0]["id"]
    assert "物业费通知" in mailbox_simulator.raw("GET", "/")[1]
    page = mailbox_simulator.raw("GET", f"/messages/{number}")[1]
    assert 'sandbox=""' in page
    assert "&lt;b&gt;" in page
    assert mailbox_simulator.raw("GET", f"/messages/{number}/attachments/0") == (200, "%PDF-1.7")
    assert mailbox_simulator.raw("GET", f"/messages/{number}/attachments/1")[0] == 404
    assert "MIME-Version" in mailbox_simulator.raw("GET", f"/messages/{number}/raw")[1]
    assert mailbox_simulator.raw("GET", "/messages/0")[0] == 404


@pytest.mark.parametrize(("switch", "code"), [("refuse", 550), ("defer", 451)])
def test_an_address_is_refused(
    mailbox_simulator: MailboxSimulator, message: EmailMessage, switch: str, code: int
) -> None:
    mailbox_simulator.faults(**{switch: ["wang@example.com"]})
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mailbox_simulator, message)
    assert refusal.value.recipients["wang@example.com"][0] == code
    assert mailbox_simulator.messages() == []
    message.replace_header("To", "li@example.com")
    send(mailbox_simulator, message)


def test_deferred_once(mailbox_simulator: MailboxSimulator, message: EmailMessage) -> None:
    mailbox_simulator.faults(defer_next=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailbox_simulator, message)
    send(mailbox_simulator, message)


def test_connection_cut_after_accepting_leaves_the_message(
    mailbox_simulator: MailboxSimulator, message: EmailMessage
) -> None:
    mailbox_simulator.faults(cut_next=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mailbox_simulator, message)
    assert len(mailbox_simulator.messages()) == 1
