"""SMS by Aliyun (dysmsapi 2017-05-25).

The delivery's key travels as OutId: it comes back in QuerySendDetails and in the delivery report,
which is how a second try asks first whether the first one arrived.
"""

import datetime
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notices.channels import reasons
from notices.channels.base import Accepted, Answer, Channel, Fate, Message, TransportError
from notices.channels.reasons import Meanings

if TYPE_CHECKING:
    from notices.channels.aliyun_client import AliyunClient

# One number gets at most 50 messages of a template a day, so a page or two would do.
PAGE_SIZE = 50
MOST_PAGES = 10
# How far back the provider can be asked.
MOST_DAYS = 30

# SendStatus of QuerySendDetails.
_FATES = {1: Fate.ACCEPTED, 2: Fate.FAILED, 3: Fate.DELIVERED}

# Refusals of the API and codes of the delivery report.
# https://help.aliyun.com/document_detail/101346.html, …/101347.html
_MEANINGS: Meanings = (
    (
        r"MOBILE_NUMBER_ILLEGAL|INVALID_NUMBER|MOBILE_COUNT_OVER_LIMIT",
        _("The phone number is not valid. Please correct it with the payer."),
    ),
    (
        r"MOBILE_NOT_ON_SERVICE",
        _("The phone number is out of service. Please ask the payer for another."),
    ),
    (
        r"MOBILE_ACCOUNT_ABNORMAL|MOBILE_TERMINAL_ERROR",
        _("The phone could not take the message. Please try again later."),
    ),
    (r"MOBILE_IN_BLACK|(?<!SIGNATURE_)BLACKLIST|USER_REJECT", reasons.BLOCKED),
    (r"LIMIT_CONTROL|MOBILE_SEND_LIMIT|Throttling", reasons.TOO_MANY),
    (
        r"AMOUNT_NOT_ENOUGH|OUT_OF_SERVICE|ACCOUNT_|PRODUCT_UN|RAM_PERMISSION|Forbidden"
        r"|InvalidAccessKeyId|Signature|IS_CLOSED",
        reasons.OUR_ACCOUNT,
    ),
    (r"TEMPLATE|SIGNATURE|PARAM|CONTENT_|BLACK_KEY|KEYWORD", reasons.OUR_TEXT),
    (r"SYSTEM_ERROR|ServiceUnavailable|NO_ROUTE|SP_", reasons.OUT_OF_ORDER),
)


class AliyunSms(Channel):
    can_be_asked = True
    meanings = _MEANINGS

    def send(self, message: Message) -> Accepted:
        code = settings.SMS_TEMPLATES.get(message.template, "")
        if not code:
            raise TransportError(f"no SMS template for {message.template!r}", permanent=True)
        biz_id = self._client.send(
            phone=message.address, template_code=code, params=message.params, out_id=message.key
        )
        return Accepted(provider_id=biz_id)

    def ask(self, message: Message, *, since: datetime.datetime) -> Answer:
        for detail in self._sent_to(message.address, since=since):
            if detail.out_id == message.key:
                fate = _FATES.get(detail.send_status, Fate.ACCEPTED)
                return Answer(fate, error=f"{detail.err_code}" if fate is Fate.FAILED else "")
        return Answer(Fate.NOT_FOUND)

    def missing_settings(self) -> list[str]:
        names = (
            "ALIYUN_SMS_ENDPOINT",
            "ALIYUN_SMS_ACCESS_KEY_ID",
            "ALIYUN_SMS_ACCESS_KEY_SECRET",
            "ALIYUN_SMS_SIGN_NAME",
        )
        missing = [name for name in names if not getattr(settings, name)]
        missing += [
            f"SMS_TEMPLATE_{n.upper()}" for n, code in settings.SMS_TEMPLATES.items() if not code
        ]
        return [f"{name} is not set" for name in missing]

    @cached_property
    def _client(self) -> "AliyunClient":
        missing = self.missing_settings()
        if missing:
            raise TransportError("; ".join(missing), permanent=False)
        from notices.channels.aliyun_client import AliyunClient

        return AliyunClient()

    def _sent_to(self, phone: str, *, since: datetime.datetime) -> Iterator[Any]:
        """What was sent to `phone` from the day of `since` (Asia/Shanghai) to today.

        Not on that day alone: a call made just before midnight may be booked just after it.
        """
        first = timezone.localtime(since).date()
        days = (timezone.localdate() - first).days
        for offset in range(min(days, MOST_DAYS) + 1):
            day = first + datetime.timedelta(days=offset)
            for page in range(1, MOST_PAGES + 1):
                found = self._client.details(phone=phone, day=day, page=page, size=PAGE_SIZE)
                yield from found
                if len(found) < PAGE_SIZE:
                    break
