"""What pages call a payment provider, and what they tell the payer to do."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments import providers

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


def offered(community: str | None = None) -> dict[str, Wording]:
    """The words of the providers that a community (its code) can be paid with, in their order."""
    return {key: words_for(key) for key in providers.available(community)}
