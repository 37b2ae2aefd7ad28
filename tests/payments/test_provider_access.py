"""While the provider does not take our word (key, clock, rate), nothing is decided about money."""

import json

import pytest
from django.utils import timezone

from payments.models import PaymentOrder, ProviderEvent, Refund
from payments.providers import alipay_wire
from payments.providers.alipay import AlipayProvider
from payments.providers.base import AlreadyPaid, PermanentError, TransientError
from payments.services.online.hanging import sweep_orders
from payments.services.online.original_refunds import send
from simulators import rsa
from tests.factories.payments import make_refund
from tests.payments.online import paid, paid_there

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def lose_access(settings, tmp_path):
    """Takes our access to WeChat Pay away by a private key that is not ours; gives it back."""
    mine = settings.WECHATPAY
    key = tmp_path / "other.pem"
    key.write_text(rsa.private_pem(rsa.make()))

    def lose() -> None:
        settings.WECHATPAY = {"": mine[""] | {"PRIVATE_KEY_FILE": str(key)}}

    def regain() -> None:
        settings.WECHATPAY = mine

    return lose, regain


def sweep_all():
    PaymentOrder.objects.exclude(check_at=None).update(check_at=timezone.now())
    sweep_orders()


def test_an_order_paid_while_we_are_locked_out_settles_once_we_are_let_in(
    portal, bill, lose_access, attention
):
    lose, regain = lose_access
    order = paid_there(portal, bill)
    lose()
    sweep_all()
    order.refresh_from_db()
    assert (order.state, order.problem) == (PaymentOrder.State.PENDING, "")
    regain()
    sweep_all()
    order.refresh_from_db()
    assert order.state == PaymentOrder.State.PAID
    assert attention == []


def test_its_message_waits_for_our_access_too(portal, bill, lose_access):
    lose, _regain = lose_access
    order = paid_there(portal, bill)
    lose()
    portal.faults(callbacks="deliver")
    portal.notify(order.out_trade_no)
    event = ProviderEvent.objects.get()
    assert event.state == ProviderEvent.State.RECEIVED


def test_a_refund_is_not_given_up_because_we_are_locked_out(merchant, bill, lose_access):
    lose, regain = lose_access
    payment = paid(merchant, bill)
    account = payment.postings.get().credit_entry.account
    how = {"payment": payment, "method": Refund.Method.ORIGINAL}
    refund = make_refund(account, payment.amount, approved=True, **how)
    lose()
    with pytest.raises(TransientError):
        send(refund.pk)
    regain()
    assert send(refund.pk).state == Refund.State.PAID


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (202, "USERPAYING", TransientError),
        (401, "SIGN_ERROR", TransientError),
        (429, "FREQUENCY_LIMITED", TransientError),
        (500, "SYSTEM_ERROR", TransientError),
        (400, "PARAM_ERROR", PermanentError),
        (403, "NO_AUTH", PermanentError),
    ],
)
def test_what_wechat_pay_says_when_it_does_nothing(provider, monkeypatch, status, code, error):
    body = json.dumps({"code": code, "message": "…"})
    monkeypatch.setattr(type(provider.client), "close", lambda *args: (status, body))
    with pytest.raises(error, match=code):
        provider.close("20260105")


@pytest.mark.parametrize(
    ("code", "sub_code", "error"),
    [
        ("40005", "isv.app-call-limited", TransientError),
        ("20000", "aop.unknow-error", TransientError),
        ("40004", "AQC.SYSTEM_ERROR", TransientError),
        ("40002", "isv.invalid-signature", TransientError),
        ("40002", "isv.invalid-timestamp", TransientError),
        ("40004", "ACQ.INVALID_PARAMETER", PermanentError),
    ],
)
def test_what_alipay_says_when_it_does_nothing(code, sub_code, error):
    with pytest.raises(error, match=sub_code.removeprefix("aop.")):
        alipay_wire._good({"code": code, "sub_code": sub_code, "sub_msg": "…"})


@pytest.mark.parametrize(
    "code",
    [
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
    ],
)
def test_alipay_cannot_close_what_was_paid_in_whichever_words_it_says_so(monkeypatch, code):
    def ask(wire, method, content):
        if method == "alipay.trade.close":
            raise PermanentError(code)
        return {
            "out_trade_no": content["out_trade_no"],
            "trade_status": "TRADE_SUCCESS",
            "total_amount": "1.00",
        }

    monkeypatch.setattr(AlipayProvider, "_wire", property(lambda provider: provider))
    monkeypatch.setattr(AlipayProvider, "ask", ask, raising=False)
    with pytest.raises(AlreadyPaid):
        AlipayProvider().close("20260105")
