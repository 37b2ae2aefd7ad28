"""Forged, altered, replayed and foreign callbacks: 10,000 mutations of genuine ones, none accepted.

Each is drawn from a seed and goes the way of a real one: `receive`, then what was stored would be
processed. What is not genuine is refused and leaves no row; what the provider did sign, for
somebody else, another amount or once already, is stored once at most and settles nothing.
"""

import random
from collections import Counter

import pytest

from payments import providers
from payments.models import Payment, PaymentOrder, ProviderEvent
from payments.providers.base import NotGenuine
from payments.services.online import events
from simulators import rsa
from simulators.wechatpay import keys as wechatpay_keys
from tests.factories.billing import make_bill
from tests.factories.payments import make_order
from tests.payments.mutations import Ali, WeChat

pytestmark = pytest.mark.django_db
SEED = 20260105
EACH = 5_000


@pytest.fixture(params=[WeChat, Ali], ids=["wechatpay", "alipay"])
def sender(request, tmp_path, settings, monkeypatch):
    order = make_order(make_bill(), provider=request.param.key)
    # The simulator's keys are enough: whoever asks the provider is not heard.
    made = request.param(tmp_path / "keys", order)
    made.configure(settings)
    monkeypatch.setattr(events, "ring_aside", lambda *bell: None)
    return made


def test_none_of_5000_mutations_is_accepted(sender):
    """Of each provider: not stored, so never processed; and each kind was tried often."""
    provider = providers.get(sender.key)
    dice = random.Random(SEED)
    mutations = sender.mutations()
    slow = {"signed with a foreign key", "another merchant's account"}  # they sign each anew
    weights = [0.1 if name in slow else 1 for name in mutations]
    tried: Counter[str] = Counter()
    while tried.total() < EACH:
        (name,) = dice.choices(list(mutations), weights)
        message = mutations[name](dice)
        if message is None:
            continue
        tried[name] += 1
        try:
            events.receive(provider, *message)
        except NotGenuine:
            continue
        pytest.fail(f"{name}, number {tried.total()}: {message}")
    assert not ProviderEvent.objects.exists()
    assert set(tried) == set(mutations)
    assert min(tried.values()) >= 20, tried
    events.receive(provider, *sender.genuine)  # and the one that they were made of is heard
    assert ProviderEvent.objects.count() == 1


def test_what_is_signed_for_others_settles_nothing(sender, attention, monkeypatch):
    """The provider's own signature, and its word that all is paid, do not make it our order."""
    provider = providers.get(sender.key)
    for message in sender.for_others:
        with pytest.raises(NotGenuine):
            events.receive(provider, *message)
    for message in sender.signed.values():
        for _time in range(2):
            events.receive(provider, *message)
    assert ProviderEvent.objects.count() == len(sender.signed), "the same again is one row"
    monkeypatch.setattr(
        type(provider), "query", lambda self, number: pytest.fail(f"{number} was believed")
    )
    for event in ProviderEvent.objects.all():
        assert events.process(event.pk).state == ProviderEvent.State.REFUSED
    assert len(attention) == len(sender.signed)
    assert not Payment.objects.exists()
    assert PaymentOrder.objects.get().state == PaymentOrder.State.PENDING


def test_keys_of_the_test_are_keys(tmp_path):
    """What is called foreign differs: else the refusals above would prove nothing."""
    one, other = wechatpay_keys.load_or_make(tmp_path), wechatpay_keys.load_or_make(tmp_path / "x")
    assert rsa.public_pem(one.platform) != rsa.public_pem(other.platform)
    assert one.apiv3_key != other.apiv3_key
