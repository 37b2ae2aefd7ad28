"""Email by SMTP, through Django's own backend."""

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import BadHeaderError
from django.utils.translation import gettext_lazy as _

from notices.channels import reasons
from notices.channels.base import Accepted, Channel, Message, OutcomeUnknown, TransportError
from notices.channels.reasons import Meanings

# RFC 5321 (reply codes) and RFC 3463 (enhanced codes, which say more where a server gives them).
_REPLY = r"(?:mail server: |^)"
_MEANINGS: Meanings = (
    (
        rf"{_REPLY}5\d\d 5\.1\.[1236]|{_REPLY}55[013] (?!5\.)",
        _("This mailbox does not exist. Please correct the address with the payer."),
    ),
    (rf"{_REPLY}\d+ [45]\.2\.2|{_REPLY}[45]52 (?![45]\.)", _("The mailbox is full.")),
    (rf"{_REPLY}\d+ 5\.2\.1", _("The mailbox is closed. Please ask the payer for another.")),
    (rf"{_REPLY}\d+ 5\.7\.|{_REPLY}554 ", reasons.BLOCKED),
    (rf"{_REPLY}\d+ 5\.[36]\.|{_REPLY}\d+ 5\.2\.3", reasons.OUR_TEXT),
    (rf"{_REPLY}4\d\d ", reasons.OUT_OF_ORDER),
)


class Email(Channel):
    """A mail server cannot be asked whether it took a message, so a broken connection stays open.

    The Message-ID is made of the delivery's key: should a person decide to send again, mail
    programs that got both show one.
    """

    can_be_asked = False
    meanings = _MEANINGS

    def send(self, message: Message) -> Accepted:
        message_id = self.message_id(message.key)
        mail = EmailMultiAlternatives(
            subject=message.subject,
            body=message.text,
            to=[message.address],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        )
        if message.html:
            mail.attach_alternative(message.html, "text/html")
        self._check(mail)
        self._hand_over(mail)
        return Accepted(provider_id=message_id)

    def missing_settings(self) -> list[str]:
        return [] if settings.EMAIL_HOST else ["EMAIL_URL names no mail server"]

    @staticmethod
    def message_id(key: str) -> str:
        """The Message-ID of a delivery, in the domain that the mail comes from."""
        _name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
        return f"<{key}@{sender.rpartition('@')[2] or 'localhost'}>"

    @staticmethod
    def _check(mail: EmailMultiAlternatives) -> None:
        """Refuses what can never be a message, before any server is troubled with it."""
        try:
            mail.message()
        except (BadHeaderError, ValueError, UnicodeError) as error:
            raise TransportError("the address or subject is not valid", permanent=True) from error

    def _hand_over(self, mail: EmailMultiAlternatives) -> None:
        connection = get_connection(
            "django.core.mail.backends.smtp.EmailBackend", fail_silently=False
        )
        try:
            connection.open()
        except smtplib.SMTPAuthenticationError as error:
            # The message is in order; somebody will mend the password.
            raise TransportError("the mail server refused our sign-in", permanent=False) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TransportError("the mail server cannot be reached", permanent=False) from error
        try:
            connection.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _refused(code, text) from error
        except smtplib.SMTPServerDisconnected as error:
            raise OutcomeUnknown("the mail server hung up") from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise OutcomeUnknown("the mail server did not answer") from error
        finally:
            _close(connection)


def _refused(code: int, text: bytes | str) -> TransportError:
    """A reply of the server: 4xx later perhaps, 5xx never (RFC 5321, 4.2.1)."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    reason = f"refused by the mail server: {code} {words}"
    return TransportError(reason[:300], permanent=code >= 500)


def _close(connection: object) -> None:
    """Says goodbye; what was accepted stays accepted, whatever happens to the goodbye."""
    try:
        connection.close()  # type: ignore[attr-defined]
    except (smtplib.SMTPException, OSError):
        return
