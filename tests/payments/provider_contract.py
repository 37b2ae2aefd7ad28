"""What every payment provider must pass. A provider's test class inherits this and gives `provider`
(the plug-in, configured) and `outside`: the world behind it, told to pay or to break."""

import datetime
import hashlib
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import pytest
from django.utils import timezone

from payments import providers
from payments.models import Payment
from payments.providers.base import (
    AlreadyPaid,
    Capability,
    LineKind,
    NotGenuine,
    OrderRequest,
    PermanentError,
    Provider,
    ProviderOrder,
    RefundRequest,
    RefundState,
    Scene,
    TradeState,
    TransientError,
)

NOTIFY_URL = "http://127.0.0.1:1/callbacks/x/"


class Outside(Protocol):
    def look(self, out_trade_no: str) -> None:
        """The payer scans the code or opens the page, and does not pay yet."""

    def pay(self, out_trade_no: str) -> None: ...
    def show_todays_bill(self, *, damaged: bool = False) -> None: ...
    def identify(self, address: str) -> dict[str, str]:
        """A person's browser goes to the app's page: what it comes back with."""

    def accepts(self, call: Mapping[str, str]) -> bool:
        """Whether the app, handed a call by a page, asks its person to pay the order."""

    def break_once(self, *, done: bool) -> None:
        """The next request fails on the way there (done=False) or back (done=True)."""

    def callback(self, out_trade_no: str, fault: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback that says that the order is paid."""


def request(provider: Provider, **changed: Any) -> OrderRequest:
    wanted: dict[str, Any] = {
        "out_trade_no": uuid.uuid4().hex,
        "amount": Decimal("344.12"),
        "description": "云栖苑 物业费",
        "scene": sorted(provider.scenes)[0],
        "expires_at": timezone.now().replace(microsecond=0) + datetime.timedelta(minutes=30),
        "notify_url": NOTIFY_URL,
        "return_url": "http://127.0.0.1:1/pay/orders/1/",
        "client_ip": "127.0.0.1",
        "payer": "oSimulatorPayerOne0000000000",
    }
    return OrderRequest(**(wanted | changed))


class ProviderContract:
    def test_it_is_found_by_its_key_and_says_what_it_is(self, provider):
        assert type(providers.get(provider.key)) is type(provider)
        assert provider.method in Payment.Method
        assert provider.scenes
        assert provider.problems() == []

    def test_every_scene_can_be_opened(self, provider):
        for scene in provider.scenes:
            assert provider.open(request(provider, scene=scene)).pay_url

    def test_an_order_is_unknown_then_unpaid_then_paid(self, provider, outside):
        asked = request(provider)
        assert provider.query(asked.out_trade_no).state == TradeState.UNKNOWN
        provider.open(asked)
        # Some providers know of an order only when its payer has come.
        assert provider.query(asked.out_trade_no).state in (TradeState.UNKNOWN, TradeState.UNPAID)
        outside.look(asked.out_trade_no)
        assert provider.query(asked.out_trade_no).state == TradeState.UNPAID
        outside.pay(asked.out_trade_no)
        facts = provider.query(asked.out_trade_no)
        assert facts.state == TradeState.PAID
        assert facts.out_trade_no == asked.out_trade_no
        assert facts.amount == asked.amount
        assert facts.transaction_id
        assert facts.paid_at is not None
        assert abs(facts.paid_at - timezone.now()) < datetime.timedelta(minutes=1)
        assert provider.is_ours(facts)

    def test_opening_again_is_the_same_order(self, provider):
        asked = request(provider)
        assert provider.open(asked).pay_url
        assert provider.open(asked).pay_url

    def test_the_same_number_for_another_amount_is_refused(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.look(asked.out_trade_no)
        with pytest.raises(PermanentError):
            provider.open(
                request(provider, out_trade_no=asked.out_trade_no, amount=Decimal("1.00"))
            )

    def test_a_closed_order_stays_closed_and_closing_is_repeatable(self, provider, outside):
        asked = request(provider)
        provider.close(asked.out_trade_no)  # never heard of: nothing to pay either
        provider.open(asked)
        outside.look(asked.out_trade_no)
        assert provider.close(asked.out_trade_no)
        assert provider.close(asked.out_trade_no)
        assert provider.query(asked.out_trade_no).state == TradeState.CLOSED

    def test_a_promise_to_have_closed_is_kept(self, provider, outside):
        """Whoever says that it closed an order must not take money for it afterwards."""
        asked = request(provider)
        provider.open(asked)
        if provider.close(asked.out_trade_no):
            with pytest.raises(AssertionError):
                outside.pay(asked.out_trade_no)
            assert provider.query(asked.out_trade_no).state == TradeState.CLOSED
        else:
            outside.look(asked.out_trade_no)
            assert provider.close(asked.out_trade_no)

    @pytest.mark.parametrize("scene", list(Scene))
    def test_a_paid_order_can_neither_be_opened_nor_closed(self, provider, outside, scene):
        needs_scene(provider, scene)
        asked = request(provider, scene=scene)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        with pytest.raises(AlreadyPaid):
            provider.open(asked)
        with pytest.raises(AlreadyPaid):
            provider.close(asked.out_trade_no)

    @pytest.mark.parametrize("done", [True, False])
    def test_a_broken_network_is_transient_and_asking_again_is_safe(self, provider, outside, done):
        asked = request(provider)
        outside.break_once(done=done)
        with pytest.raises(TransientError):
            provider.open(asked)
        assert provider.open(asked).pay_url

    def test_a_genuine_callback_is_read(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        event = provider.verify(*outside.callback(asked.out_trade_no))
        assert event.event_id
        assert event.out_trade_no == asked.out_trade_no
        claim = provider.claim(event.payload)
        assert claim.state == TradeState.PAID
        assert claim.amount == asked.amount
        assert provider.is_ours(claim)
        assert provider.is_addressed(event.payload)

    def test_who_paid_is_not_kept(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        event = provider.verify(*outside.callback(asked.out_trade_no))
        assert "openid" not in str(event.payload)
        assert "buyer" not in str(event.payload)

    def test_orders_of_others_are_not_ours(self, provider):
        assert not provider.is_ours(
            ProviderOrder("x", TradeState.PAID, merchant="other", app="other")
        )

    def test_an_unsigned_callback_is_refused(self, provider):
        with pytest.raises(NotGenuine):
            provider.verify({}, b'{"id": "1"}')
        assert provider.refused().status >= 400
        assert provider.accepted().status in (200, 204)

    def test_unknown_scene_is_not_offered(self, provider):
        assert set(provider.scenes) <= set(Scene)

    # --- inside the provider's app --------------------------------------------------------------

    def test_who_pays_is_asked_in_the_app_once(self, provider, outside):
        needs_scene(provider, Scene.JSAPI)
        back = "http://127.0.0.1:1/pay/payer/"
        told = outside.identify(provider.identify_url(return_url=back, state="s1"))
        assert told["state"] == "s1"
        assert provider.identify(told["code"])
        for wrong in (told["code"], "x"):
            with pytest.raises(PermanentError):
                provider.identify(wrong)

    @pytest.mark.parametrize("done", [True, False])
    def test_asking_who_pays_over_a_broken_network_is_transient(self, provider, outside, done):
        needs_scene(provider, Scene.JSAPI)
        told = outside.identify(provider.identify_url(return_url="http://127.0.0.1:1/", state="s"))
        outside.break_once(done=done)
        with pytest.raises(TransientError):
            provider.identify(told["code"])

    def test_the_app_takes_what_a_page_hands_it(self, provider, outside):
        needs_scene(provider, Scene.JSAPI)
        asked = request(provider, scene=Scene.JSAPI)
        call = provider.app_call(provider.open(asked).pay_url)
        assert outside.accepts(call)
        assert all(isinstance(value, str) for value in call.values())
        for name in call:
            assert not outside.accepts({**call, name: "1"})

    def test_without_an_app_of_its_own_it_says_so(self, provider):
        if Scene.JSAPI in provider.scenes:
            assert provider.app
            return
        for question in (provider.identify, provider.app_call):
            with pytest.raises(PermanentError):
                question("x")

    # --- giving back ----------------------------------------------------------------------------

    def test_what_a_provider_cannot_do_is_a_typed_refusal(self, provider):
        asked = refund_request("x", "R", "1.00")
        if Capability.REFUND not in provider.capabilities:
            with pytest.raises(PermanentError):
                provider.refund(asked)
        if Capability.QUERY_REFUND not in provider.capabilities:
            with pytest.raises(PermanentError):
                provider.query_refund(out_trade_no="x", out_refund_no="R")
        if Capability.DOWNLOAD_BILL not in provider.capabilities:
            with pytest.raises(PermanentError):
                provider.download_bill(timezone.localdate())

    def test_money_goes_back_in_parts_and_once(self, provider, outside):
        needs(provider, Capability.REFUND, Capability.QUERY_REFUND)
        asked = paid(provider, outside)
        number = f"R{asked.out_trade_no[:20]}"
        unknown = provider.query_refund(out_trade_no=asked.out_trade_no, out_refund_no=number)
        assert unknown.state == RefundState.UNKNOWN
        part = refund_request(asked.out_trade_no, number, "44.12")
        for _twice in range(2):
            assert provider.refund(part).state in (RefundState.DONE, RefundState.PROCESSING)
        done = provider.query_refund(out_trade_no=asked.out_trade_no, out_refund_no=number)
        assert (done.state, done.amount) == (RefundState.DONE, Decimal("44.12"))
        assert (done.out_refund_no, done.out_trade_no) == (number, asked.out_trade_no)
        assert done.done_at
        rest = refund_request(asked.out_trade_no, f"{number}b", "300.00")
        provider.refund(rest)
        with pytest.raises(PermanentError):
            provider.refund(refund_request(asked.out_trade_no, f"{number}c", "0.01"))
        assert provider.query(asked.out_trade_no).state == TradeState.REFUNDED

    def test_more_than_was_paid_does_not_go_back(self, provider, outside):
        needs(provider, Capability.REFUND)
        asked = paid(provider, outside)
        with pytest.raises(PermanentError):
            provider.refund(refund_request(asked.out_trade_no, "R1", "344.13"))

    @pytest.mark.parametrize("done", [True, False])
    def test_a_refund_over_a_broken_network_can_be_asked_again(self, provider, outside, done):
        needs(provider, Capability.REFUND, Capability.QUERY_REFUND)
        asked = paid(provider, outside)
        back = refund_request(asked.out_trade_no, f"R{asked.out_trade_no[:20]}", "44.12")
        outside.break_once(done=done)
        with pytest.raises(TransientError):
            provider.refund(back)
        provider.refund(back)
        found = provider.query_refund(
            out_trade_no=asked.out_trade_no, out_refund_no=back.out_refund_no
        )
        assert (found.state, found.amount) == (RefundState.DONE, Decimal("44.12"))

    def test_its_payouts_can_be_told_at_the_bank(self, provider):
        assert all(part.strip() for part in provider.payer_names)
        assert provider.payer_names

    # --- the day's bill -------------------------------------------------------------------------

    def test_a_days_bill_has_every_payment_and_refund(self, provider, outside):
        needs(provider, Capability.DOWNLOAD_BILL)
        asked, other = paid(provider, outside), paid(provider, outside, amount=Decimal("0.01"))
        provider.refund(refund_request(asked.out_trade_no, "R-bill", "44.12"))
        outside.show_todays_bill()
        bill = provider.download_bill(timezone.localdate())
        assert bill.digest == hashlib.sha256(bill.content).hexdigest()
        ours = {asked.out_trade_no, other.out_trade_no}
        seen = {
            (line.kind, line.out_trade_no, line.amount, line.out_refund_no)
            for line in bill.lines
            if line.out_trade_no in ours
        }
        assert seen == {
            (LineKind.PAYMENT, asked.out_trade_no, Decimal("344.12"), ""),
            (LineKind.PAYMENT, other.out_trade_no, Decimal("0.01"), ""),
            (LineKind.REFUND, asked.out_trade_no, Decimal("44.12"), "R-bill"),
        }
        fees = {
            (line.kind, line.fee) for line in bill.lines if line.out_trade_no == asked.out_trade_no
        }
        assert fees == {
            (LineKind.PAYMENT, Decimal("2.06")),
            (LineKind.REFUND, Decimal("-0.26")),
        }
        for line in bill.lines:
            assert line.transaction_id
            assert abs(line.happened_at - timezone.now()) < datetime.timedelta(minutes=5)

    def test_a_day_on_which_nothing_happened_has_no_lines(self, provider):
        needs(provider, Capability.DOWNLOAD_BILL)
        bill = provider.download_bill(datetime.date(2020, 1, 1))
        assert (bill.lines, bill.content) == ((), b"")

    def test_a_damaged_bill_is_not_read(self, provider, outside):
        needs(provider, Capability.DOWNLOAD_BILL)
        paid(provider, outside)
        outside.show_todays_bill(damaged=True)
        with pytest.raises(TransientError):
            provider.download_bill(timezone.localdate())


def needs(provider: Provider, *capabilities: Capability) -> None:
    if not provider.capabilities.issuperset(capabilities):
        pytest.skip("the provider cannot do that")


def needs_scene(provider: Provider, scene: Scene) -> None:
    if scene not in provider.scenes:
        pytest.skip(f"not offered as {scene}")


def paid(provider: Provider, outside: Outside, **changed: Any) -> OrderRequest:
    asked = request(provider, **changed)
    provider.open(asked)
    outside.pay(asked.out_trade_no)
    return asked


def refund_request(out_trade_no: str, out_refund_no: str, amount: str) -> RefundRequest:
    return RefundRequest(
        out_trade_no=out_trade_no,
        out_refund_no=out_refund_no,
        amount=Decimal(amount),
        total=Decimal("344.12"),
        reason="多收",
    )
