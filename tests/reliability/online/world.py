"""Two communities whose residents pay online, and the outside world that takes their money."""

import datetime
import http.client
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.test import Client

from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Party, Role, User
from payments.models import PaymentSettings
from payments.services.online.paid_twice import choose_rule
from payments.services.online.sharing import share_bill, token_of
from scripts.processes import wait_until
from scripts.stack import Stack
from tests.billing.small import TARIFFS, table
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    CommunityFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
)
from tests.fixtures.simulators import AlipaySimulator, PaymentSimulator, WeChatPaySimulator

PATIENCE = 120  # seconds until a person who presses again and again gives up: a failure
MONTHLY = "生活垃圾清运费,住宅,,户,8,0,2020-01-01,,整期"
HANDED_OVER = datetime.date(2020, 1, 1)  # before that the developer pays
Rule = PaymentSettings.PaidTwice
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Place:
    """A community with the rule that it has for money paid twice, and who works there."""

    community: Community
    clerk: User
    accountant: User


@dataclass(frozen=True)
class Household:
    """Who pays, for which homes; each home has one account and one bill, the last home none."""

    place: Place
    party: Party
    user: User
    bills: list[Any]
    empty: Any  # an account
    link: str  # what a relative was sent for the first bill


@dataclass
class World:
    """Everything that the stories and the chaos touch, and what they counted."""

    stack: Stack
    seed: int
    places: dict[str, Place]  # by rule
    simulators: dict[str, PaymentSimulator]
    counted: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    decks: dict[str, Iterator[str]] = field(default_factory=dict)
    homes: Iterator[int] = field(default_factory=itertools.count)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counted[what] += number

    def deal(self, deck: str, cards: tuple[str, ...]) -> str:
        """One of the cards; none comes again before all others did, so that each occurs."""
        with self.lock:
            if deck not in self.decks:
                shuffled = random.Random(f"{self.seed}:{deck}").sample(cards, len(cards))
                self.decks[deck] = itertools.cycle(shuffled)
            return next(self.decks[deck])

    @property
    def communities(self) -> list[int]:
        return [place.community.pk for place in self.places.values()]

    def merchants(self) -> dict[str, dict[str, dict[str, str]]]:
        """The settings by which this process, too, asks the simulators."""
        return {
            name: {"": {part: account[f"{name}_{part}"] for part in getattr(settings, name)[""]}}
            for name, account in (
                (key.upper(), simulator.account) for key, simulator in self.simulators.items()
            )
        }

    def household(self, rule: str, *, bills: int) -> Household:
        """A payer with so many bills of ever different amounts, at one home each, and one more."""
        place = self.places[rule]
        party = PartyFactory.create(community=place.community)
        user = BindingFactory.create(party=party).user
        accounts = [
            AccountFactory.create(party=party, unit__handover_date=HANDED_OVER)
            for _home in range(bills + 1)
        ]
        for account in accounts:
            OccupancyFactory.create(unit=account.unit, party=party)
        made = [
            make_bill(100 + next(self.homes) * Decimal("0.37"), account=account)
            for account in accounts[:-1]
        ]
        link = token_of(share_bill(bill=made[0], by=user)) if made else ""
        return Household(place, party, user, made, accounts[-1], link)

    def at(self, provider: str, ask: Callable[[PaymentSimulator], Answer]) -> Answer:
        """What a simulator answers, again while it is down; ControlError when it refuses."""
        answers: list[Answer] = []

        def answered() -> bool:
            try:
                answers.append(ask(self.simulators[provider]))
            except (OSError, http.client.HTTPException):
                self.count("simulator did not answer")
                return False
            else:
                return True

        if not wait_until(answered, seconds=PATIENCE, every=0.3):
            raise AssertionError(f"{provider} is not there any more")
        return answers[0]


def make_world(stack: Stack, *, seed: int) -> World:
    """Nobody lives there yet."""
    return World(
        stack=stack,
        seed=seed,
        places={rule.value: _place(rule) for rule in Rule},
        simulators={
            "wechatpay": _running(stack, WeChatPaySimulator, "SIM_WECHATPAY_PORT"),
            "alipay": _running(stack, AlipaySimulator, "SIM_ALIPAY_PORT"),
        },
    )


def _place(rule: Rule) -> Place:
    community = CommunityFactory.create()
    import_tariffs(source=table(TARIFFS, MONTHLY), community=community)
    clerk = MembershipFactory.create(community=community, role=Role.CLERK).user
    accountant = MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user
    choose_rule(community=community, rule=rule, by=accountant)
    return Place(community, clerk, accountant)


def session_of(user: User) -> str:
    """Signed in: what the browser's cookie holds."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _running(stack: Stack, kind: type[PaymentSimulator], port: str) -> PaymentSimulator:
    simulator = kind(stack.home / "simulators")
    simulator.addresses["http"] = stack.address(port)
    return simulator


def in_thread(call: Callable[[], Answer]) -> Answer:
    """What the call returns; its connection to the database ends with it."""
    try:
        return call()
    finally:
        connection.close()
