"""Email by SMTP, through Django's own backend."""

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import BadHeaderError

from notices.channels.base import Accepted, Channel, Message, OutcomeUnknown, TransportError


class Email(Channel):
    """A mail server cannot be asked whether it took a message, so a broken connection stays open.

    The Message-ID is made of the delivery's key: should a person decide to send again, mail
    programs that got both show one.
    """

    can_be_asked = False

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
