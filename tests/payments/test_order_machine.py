"""Online orders, messages and refunds in any order that hypothesis can think of.

The simulators are real processes with their real ledgers; order_world.py says what must hold,
order_ledgers.py is the oracle. ORDER_EXAMPLES=500 tries longer than CI does.
"""

import os
import uuid
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments import providers
from payments.models import Payment, PaymentOrder, PaymentSettings, ProviderEvent, Refund
from payments.providers.base import NotGenuine, Scene
from payments.services.giving_back import refunds
from payments.services.online import asking, events, hanging, ordering, orders, original_refunds
from payments.services.online.paid_twice import choose_rule
from payments.services.receiving.counter import MoreThanOwed, collect
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import BindingFactory, StaffUserFactory
from tests.fixtures.simulators import AlipaySimulator, ControlError, WeChatPaySimulator
from tests.payments.both_providers import FAULTS, FORGERIES, LIES, BothProviders
from tests.payments.order_world import OrderWorld
from tests.payments.outside import Catcher

pytestmark = pytest.mark.django_db

LIFE = 30  # minutes that an order may be paid
WHICH = st.integers(0, 50)
PROVIDERS = st.sampled_from(["wechatpay", "alipay"])
FAULT = st.sampled_from(["", "", "", *FAULTS])


class Died(BaseException):
    """A worker ends in the middle; its transaction is rolled back."""


class Orders(OrderWorld):
    """What the payer, the providers, the workers and the desk may do, in any order."""

    @initialize(
        provider=PROVIDERS,
        given_up=st.booleans(),
        paid=st.booleans(),
        rule=st.sampled_from(PaymentSettings.PaidTwice),
    )
    def a_first_order_is_opened(self, provider: str, given_up: bool, paid: bool, rule: str) -> None:
        """Whatever comes later has something to go wrong with."""
        first = make_bill("70.00")
        account = first.account
        other = AccountFactory.create(party=account.party, community=account.community)
        self.bills = [first, make_bill("30.00", account=other)]
        self.payer = BindingFactory.create(party=account.party).user
        self.asker, self.approver = StaffUserFactory.create(), StaffUserFactory.create()
        choose_rule(community=account.community, rule=rule, by=self.asker)
        self.opens([0, 1], provider, "", paid and not given_up)
        if given_up:
            self.gives_up(0, "", paid)

    # --- what the payer does ------------------------------------------------------------------

    @rule(
        which=st.sampled_from([[0], [1], [0, 1]]),
        provider=PROVIDERS,
        fault=FAULT,
        paid=st.booleans(),
    )
    def opens(self, which: list[int], provider: str, fault: str, paid: bool) -> None:
        with self.providers.trouble(provider, fault), suppress(ordering.NothingToPay):
            order = ordering.start_order(
                user=self.payer,
                bill_ids=[self.bills[one].pk for one in which],
                provider_key=provider,
                scene=Scene.NATIVE,
                form_token=uuid.uuid4(),
            )
            self.life.setdefault(order.out_trade_no, LIFE)
            if paid:
                self.pay(order)

    @precondition(lambda self: self.life)
    @rule(which=WHICH, fault=FAULT)
    def presses_again(self, which: int, fault: str) -> None:
        order = self.order(which)
        with self.providers.trouble(order.provider, fault):
            ordering.open_order(order)

    @precondition(lambda self: self.life)
    @rule(which=WHICH)
    def scans_the_code(self, which: int) -> None:
        order = self.order(which)
        if order.provider == "alipay" and order.pay_url:
            self.providers.of(order).look(order.out_trade_no)

    @precondition(lambda self: self.life)
    @rule(which=WHICH)
    def pays(self, which: int) -> None:
        self.pay(self.order(which))

    @rule(which=WHICH, fault=FAULT, pays=st.booleans())
    def gives_up(self, which: int, fault: str, pays: bool) -> None:
        """He may pay all the same, where the provider still lets him."""
        live = PaymentOrder.objects.live().order_by("pk")
        if not live:
            return
        order = live[which % len(live)]
        with self.providers.trouble(order.provider, fault):
            asking.retire(order)
        if pays:
            self.pay(order)

    # --- what the provider and the network do -------------------------------------------------

    @precondition(lambda self: self.life)
    @rule(
        which=WHICH,
        fault=st.sampled_from(["", "", "", *FORGERIES, *LIES]),
        arrives=st.booleans(),
    )
    def tells(self, which: int, fault: str, arrives: bool) -> None:
        """A message is on its way; a plain one about an unpaid order is a lie as well."""
        order = self.order(which)
        with suppress(ControlError):  # the provider never heard of it
            self.providers.of(order).notify(order.out_trade_no, fault)
            self.post.append((order.provider, fault, self.catcher.last))
            if arrives:
                self.message_arrives(-1, again=True)

    @precondition(lambda self: self.post)
    @rule(which=WHICH, again=st.booleans())
    def message_arrives(self, which: int, again: bool) -> None:
        """It is stored, and whoever should process it does not wake up."""
        message = self.post[which % len(self.post)]
        if not again:
            self.post.remove(message)
        provider, fault, (headers, body) = message
        with suppress(NotGenuine):
            events.receive(providers.get(provider, ""), headers, body)
            assert fault not in FORGERIES, f"accepted: {fault}"

    @precondition(lambda self: self.life)
    @rule(which=WHICH)
    def provider_closes(self, which: int) -> None:
        order = self.order(which)
        with suppress(ControlError):  # unknown there, or paid
            self.providers.of(order).post(f"/control/orders/{order.out_trade_no}/close")

    @rule(provider=PROVIDERS, held=st.booleans())
    def provider_takes_its_time_with_refunds(self, provider: str, held: bool) -> None:
        self.providers.simulators[provider].faults(hold_refunds=held)

    @rule(done=st.booleans())
    def provider_ends_refunds(self, done: bool) -> None:
        self.providers.end_refunds("SUCCESS" if done else "CLOSED")

    # --- what the workers do, and when they die -----------------------------------------------

    @rule(which=WHICH, fault=FAULT)
    def message_is_processed(self, which: int, fault: str) -> None:
        waiting = ProviderEvent.objects.filter(state="received").order_by("pk")
        if waiting:
            event = waiting[which % len(waiting)]
            with self.providers.trouble(event.provider, fault):
                events.process(event.pk)

    @precondition(lambda self: self.life)
    @rule(which=WHICH, fault=FAULT)
    def somebody_asks(self, which: int, fault: str) -> None:
        order = self.order(which)
        with self.providers.trouble(order.provider, fault):
            hanging.ask_by_id(order.pk)

    @rule()
    def everybody_dies_while_settling(self) -> None:
        with patch.object(orders, "payment_record", side_effect=Died):
            for order in PaymentOrder.objects.watched():
                with suppress(Died):
                    hanging.ask_by_id(order.pk)

    @rule(fault=FAULT, provider=PROVIDERS)
    def everything_due_is_swept(self, fault: str, provider: str) -> None:
        with self.providers.trouble(provider, fault):
            self.sweep()

    @rule(minutes=st.sampled_from([1, 1, 11, LIFE + 1, LIFE + 20]))
    def time_passes(self, minutes: int) -> None:
        self.pass_minutes(minutes)

    # --- what the desk does -------------------------------------------------------------------

    @rule(which=st.integers(0, 1), part=st.sampled_from([1, 10, 10]))
    def pays_in_cash(self, which: int, part: int) -> None:
        bill = self.bills[which]
        amount = bill.amount / part
        with suppress(MoreThanOwed):
            collect(
                community=bill.account.community,
                account=bill.account,
                bill_ids=[bill.pk],
                amount=amount,
                method=Payment.Method.CASH,
                token=uuid.uuid4(),
                clerk=self.asker,
                tendered=amount,
            )
            self.in_cash += amount

    @rule(which=WHICH, part=st.sampled_from([1, 2]), recorded=st.booleans())
    def refund_is_approved(self, which: int, part: int, recorded: bool) -> None:
        for waiting in Refund.objects.filter(state="requested")[: part - 1]:  # by the rule
            self.approve(waiting)
        if recorded and self.life:
            self.somebody_asks(which, "")
        paid = Payment.objects.exclude(order=None).order_by("pk")
        if not paid:
            return
        payment = paid[which % len(paid)]
        entry = payment.postings.order_by("pk")[0].credit_entry
        with suppress(refunds.NotEnough):
            refund = refunds.request_refund(
                account=entry.account,
                amount=entry.amount / part,
                reason="by mistake",
                method=Refund.Method.ORIGINAL,
                by=self.asker,
                token=uuid.uuid4(),
                payment=payment,
            )
            self.approve(refund)

    @rule(which=WHICH, fault=FAULT, dies=st.booleans())
    def refund_is_sent(self, which: int, fault: str, dies: bool) -> None:
        waiting = Refund.objects.filter(state__in=["approved", "processing"]).order_by("pk")
        if not waiting:
            return
        refund = waiting[which % len(waiting)]
        with self.providers.trouble(refund.payment.order.provider, fault), suppress(Died):
            if not dies:
                original_refunds.send(refund.pk)
                return
            with patch.object(original_refunds, "record", side_effect=Died):
                original_refunds.send(refund.pk)


def test_nothing_is_lost_or_doubled_in_any_order(
    merchant: WeChatPaySimulator, alipay: AlipaySimulator, catcher: Catcher, settings: Any
) -> None:
    settings.SITE_URL = catcher.url.partition("/callbacks/")[0]

    def example() -> Orders:
        return Orders(BothProviders(merchant, alipay), catcher)

    run_state_machine_as_test(example, settings=SETTINGS)  # type: ignore[arg-type]


SETTINGS = settings(
    max_examples=int(os.environ.get("ORDER_EXAMPLES", "15")),
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
