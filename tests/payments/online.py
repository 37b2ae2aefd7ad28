"""Orders that the payer of a bill starts online, and what the simulator is told of them."""

import uuid

from billing.models import Bill
from payments.models import Payment, PaymentOrder
from payments.providers.base import Scene
from payments.services.online.asking import ask
from payments.services.online.ordering import start_order
from tests.factories.community import BindingFactory
from tests.fixtures.simulators import PaymentSimulator


def start(bill: Bill, provider: str = "wechatpay", scene: Scene = Scene.NATIVE) -> PaymentOrder:
    """The payer of `bill` wants to pay it."""
    return start_order(
        user=BindingFactory.create(party=bill.account.party).user,
        bill_ids=[bill.pk],
        provider_key=provider,
        scene=scene,
        form_token=uuid.uuid4(),
    )


def paid_there(
    simulator: PaymentSimulator, bill: Bill, provider: str = "wechatpay"
) -> PaymentOrder:
    """The provider has the money of `bill`, and we have not been told."""
    order = start(bill, provider)
    simulator.pay(order.out_trade_no, callback=False)
    return order


def paid(simulator: PaymentSimulator, bill: Bill, provider: str = "wechatpay") -> Payment:
    """`bill` was paid online, and we have recorded the payment."""
    payment = ask(paid_there(simulator, bill, provider)).payment
    assert payment is not None
    return payment
