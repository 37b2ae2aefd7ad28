"""What the machine of test_order_machine.py moves in: two bills, their payer, the desk, two
providers; what must hold after each step, and how it all ends.

Time moves by moving our rows into the past.
"""

import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from hypothesis.stateful import RuleBasedStateMachine, invariant

from community.models import User
from payments.models import PaymentOrder, ProviderEvent, Refund
from payments.services.giving_back import refunds
from payments.services.online import events, hanging, original_refunds
from tests.payments.both_providers import BothProviders
from tests.payments.order_ledgers import LATER, LATER_REFUND, Ledgers
from tests.payments.outside import Catcher

LATE = 3  # minutes by which the provider's clock may be behind ours


class OrderWorld(RuleBasedStateMachine):
    """Two bills, their payer, the desk, two providers, and a worker that may die."""

    approver: User  # decides on every refund

    def __init__(self, providers: BothProviders, catcher: Catcher) -> None:
        super().__init__()
        self.providers, self.catcher = providers, catcher
        self.post: list[tuple[str, str, Any]] = []  # provider, what is wrong with it, message
        self.life: dict[str, int] = {}  # minutes left, by order
        self.seen: dict[tuple[str, int], str] = {}  # the state that was seen last
        self.in_cash = Decimal(0)
        self.example = transaction.atomic()
        self.example.__enter__()

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def ledgers_agree_as_far_as_we_know(self) -> None:
        ledgers = Ledgers(self.providers.simulators)
        ledgers.check()
        ledgers.check_balance(self.in_cash)
        for kind, model, later in (
            ("order", PaymentOrder, LATER),
            ("refund", Refund, LATER_REFUND),
        ):
            for pk, state in model.objects.values_list("pk", "state"):
                before = self.seen.get((kind, pk), state)
                assert state in later[before], f"{kind}: {before} → {state}"
                self.seen[kind, pk] = state

    def teardown(self) -> None:
        """The last sweeps, after everybody's time is over: nothing is lost, nothing waits."""
        try:
            for simulator in self.providers.simulators.values():
                simulator.faults(hold_refunds=False)
            for _ in range(4):
                for refund in Refund.objects.filter(state="requested"):
                    self.approve(refund)
                self.providers.end_refunds("SUCCESS")
                self.pass_minutes(24 * 60)
                self.sweep()
            self.ledgers_agree_as_far_as_we_know()
            Ledgers(self.providers.simulators).check_all_is_over()
        finally:
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)

    def pay(self, order: PaymentOrder) -> None:
        """With what the page showed, as long as the provider takes it."""
        if order.pay_url and self.life[order.out_trade_no] > -LATE:
            self.providers.pay(order)

    def order(self, which: int) -> PaymentOrder:
        numbers = sorted(self.life)
        return PaymentOrder.objects.get(out_trade_no=numbers[which % len(numbers)])

    def approve(self, refund: Refund) -> None:
        """A person decides; what somebody else spent meanwhile does not go back."""
        try:
            refunds.approve(refund.pk, by=self.approver)
        except refunds.NotEnough:
            refunds.reject(refund.pk, by=self.approver, words="it is not there any more")

    def sweep(self) -> None:
        events.sweep_events()
        hanging.sweep_orders()
        original_refunds.sweep_refunds()

    def pass_minutes(self, minutes: int) -> None:
        """Everything that is waited for comes nearer."""
        gone = datetime.timedelta(minutes=minutes)
        for model, columns in (
            (PaymentOrder, ("created_at", "expires_at", "check_at")),
            (ProviderEvent, ("received_at",)),
            (Refund, ("check_at", "sent_at")),
        ):
            model.objects.update(**{column: F(column) - gone for column in columns})
        self.life = {number: left - minutes for number, left in self.life.items()}
