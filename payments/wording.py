"""What pages call a payment provider, and what they tell the payer to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments import providers
from payments.scenes import works_inside

Text = str | Promise


@dataclass(frozen=True)
class Wording:
    """The words for one provider. `open_page` is empty where it has no page for computers."""

    pay: Text
    open_app: Text
    scan: Text
    code: Text
    refused: Text
    open_page: Text = ""


WORDS = {
    "wechatpay": Wording(
        pay=_("Pay with WeChat"),
        open_app=_("Open WeChat and pay"),
        scan=_("Open WeChat on your phone, scan this code and pay."),
        code=_("QR code for WeChat Pay"),
        refused=_(
            "WeChat Pay did not accept this payment. Nothing was taken; please try once more, or "
            "pay by bank transfer or at the front desk."
        ),
    ),
    "alipay": Wording(
        pay=_("Pay with Alipay"),
        open_app=_("Open Alipay and pay"),
        scan=_("Open Alipay on your phone, scan this code and pay."),
        code=_("QR code for Alipay"),
        refused=_(
            "Alipay did not accept this payment. Nothing was taken; please try once more, or pay "
            "by bank transfer or at the front desk."
        ),
        open_page=_("Sign in to Alipay on this computer"),
    ),
}


def words_for(key: str) -> Wording:
    """The words for the provider with `key`; plain ones, with its name, if it brought none."""
    if key in WORDS:
        return WORDS[key]
    name = providers.all_providers()[key].method.label
    return Wording(
        pay=name,
        open_app=name,
        scan=_("Scan this code with your phone and pay."),
        code=name,
        refused=_(
            "This payment was not accepted. Nothing was taken; please try once more, or pay by "
            "bank transfer or at the front desk."
        ),
    )


@dataclass(frozen=True)
class Offer:
    """The buttons for paying online, and what there is to say about those that are not there."""

    words: dict[str, Wording]
    note: Text = ""


def offered(community: str | None = None, *, app: str = "") -> Offer:
    """What a community (its code) can be paid with, in the order of the setting.

    Inside the app of a provider (its key) that can be paid there, it is the only one: the browser
    in there refuses the others.
    """
    usable = providers.available(community)
    words = {key: words_for(key) for key in usable}
    if not app or not words:
        return Offer(words)
    if app in usable and works_inside(usable[app], app):
        others = [str(provider.method.label) for key, provider in usable.items() if key != app]
        return Offer({app: words[app]}, _beside(others) if others else "")
    return Offer(
        words,
        _(
            "Inside WeChat we can only show you a code for another phone. To pay on this one, open "
            "this page in your phone's browser: tap ··· at the top right, then “Open in browser”."
        ),
    )


def _beside(others: list[str]) -> str:
    return gettext(
        "Inside WeChat only WeChat Pay works. To pay with %(others)s, open this page in your "
        "phone's browser: tap ··· at the top right, then “Open in browser”."
    ) % {"others": ", ".join(others)}


def channels_by_community(codes: Iterable[str]) -> dict[str, list[str]]:
    """By community code: what the channels are called by which it can be paid online."""
    return {
        code: [str(found.method.label) for found in providers.available(code).values()]
        for code in codes
    }


def channel_names() -> dict[str, Text]:
    """What the channels are called, by the key of their provider."""
    return {key: kind.method.label for key, kind in providers.all_providers().items()}
