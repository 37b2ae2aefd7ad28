"""The registry of providers is checked at start-up."""

import pytest

from payments.providers.wechatpay import WeChatPayProvider
from payments.system_checks import check_providers

WECHATPAY = "payments.providers.wechatpay.WeChatPayProvider"


def ids():
    return [problem.id for problem in check_providers()]


@pytest.mark.parametrize(
    ("paths", "problems"),
    [
        ([], []),
        ([WECHATPAY], []),
        (["payments.providers.nowhere.Provider"], ["payments.E001"]),
        (["payments.models.Payment"], ["payments.E002"]),
        ([WECHATPAY, WECHATPAY], ["payments.E003"]),
    ],
)
def test_registry(settings, paths, problems):
    settings.PAYMENT_PROVIDERS = paths
    assert ids() == problems


def test_what_a_provider_finds_wrong_is_passed_on(monkeypatch):
    monkeypatch.setattr(WeChatPayProvider, "problems", lambda self: ["no key"])
    assert ids() == ["payments.E004"]
