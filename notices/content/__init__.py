"""What a notice says, in the form that each channel wants.

One module for each kind of notice: `context(notice)` gathers the rows that its templates show,
`sms(notice, context)` the short text (our name of a template, and its parameters). The words are in
templates/notices/messages/<kind>.{subject.txt,txt,html}; pages show the .html part too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString

from core.encryption import decrypt
from notices.channels.base import Message
from notices.content import (
    binding,
    fee,
    paid_twice,
    payment_alert,
    receipt,
    refund,
    run_due,
    sign_in_code,
    staff_alert,
    ticket_reply,
)
from notices.content.short import ShortText
from notices.models import Delivery, Notice


@dataclass(frozen=True)
class Kind:
    """How one kind of notice is written."""

    context: Callable[[Notice], dict[str, Any]]
    sms: Callable[[Notice, dict[str, Any]], ShortText]


_KINDS = {
    Notice.Kind.FEE: Kind(fee.context, fee.sms),
    Notice.Kind.RECEIPT: Kind(receipt.context, receipt.sms),
    Notice.Kind.SIGN_IN_CODE: Kind(sign_in_code.context, sign_in_code.sms),
    Notice.Kind.STAFF_ALERT: Kind(staff_alert.context, staff_alert.sms),
    Notice.Kind.TICKET_REPLY: Kind(ticket_reply.context, ticket_reply.sms),
    Notice.Kind.BINDING: Kind(binding.context, binding.sms),
    Notice.Kind.PAYMENT_ALERT: Kind(payment_alert.context, payment_alert.sms),
    Notice.Kind.PAID_TWICE: Kind(paid_twice.context, paid_twice.sms),
    Notice.Kind.REFUND: Kind(refund.context, refund.sms),
    Notice.Kind.RUN_DUE: Kind(run_due.context, run_due.sms),
}


def message_of(delivery: Delivery) -> Message:
    """The message of a delivery, with what is true now: amounts already paid count as paid.

    In the language of the office, whoever works off the queue.
    """
    notice = delivery.notice
    kind = _KINDS[Notice.Kind(notice.kind)]
    with translation.override(settings.LANGUAGE_CODE):
        context = base_context(notice) | kind.context(notice)
        if delivery.channel == Delivery.Channel.SMS:
            short = kind.sms(notice, context)
            params = dict(short.params)
            if delivery.secret:
                params["code"] = decrypt(delivery.secret)
            return Message(
                key=str(delivery.key),
                address=delivery.address,
                template=short.template,
                params=params,
            )
        return Message(
            key=str(delivery.key),
            address=delivery.address,
            subject=subject_of(notice, context),
            text=_render(notice, "txt", context),
            html=render_to_string(
                "notices/messages/email.html",
                {**context, "body": _render(notice, "html", context)},
            ),
        )


def page_of(notice: Notice) -> tuple[str, SafeString]:
    """A notice as subject and HTML for a page, in the reader's language."""
    context = base_context(notice) | _KINDS[Notice.Kind(notice.kind)].context(notice)
    return subject_of(notice, context), _render(notice, "html", context)


def base_context(notice: Notice) -> dict[str, Any]:
    """What every message may say: from whom it comes and where the portal is."""
    return {
        "notice": notice,
        "community": notice.community,
        "recipient": (notice.party and notice.party.name) or (notice.user and notice.user.name),
        "site_url": settings.SITE_URL,
    }


def subject_of(notice: Notice, context: dict[str, Any]) -> str:
    """One line, whatever names are in it."""
    return " ".join(_render(notice, "subject.txt", context).split())


def _render(notice: Notice, part: str, context: dict[str, Any]) -> SafeString:
    return render_to_string(f"notices/messages/{notice.kind}.{part}", context)
