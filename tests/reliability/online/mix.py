"""Which stories a run tells, and what has to have happened in it."""

import random
from collections.abc import Mapping

from tests.reliability.online import stories
from tests.reliability.online.people import WAYS
from tests.reliability.online.stories import CALLBACKS, Story
from tests.reliability.online.world import World

# What happens, how often, and about how many orders it opens.
MIX: dict[type[Story], tuple[int, int]] = {
    stories.Pays: (30, 1),
    stories.NeverPays: (7, 1),
    stories.PaysAhead: (6, 1),
    stories.PaysSeveral: (6, 1),
    stories.RelativePays: (6, 1),
    stories.BothPay: (4, 2),
    stories.PaysAfterGivingUp: (5, 1),
    stories.PaysClosed: (3, 1),
    stories.PaysWhileGivingUp: (6, 1),
    stories.OrdersAgainWhileGivingUp: (4, 2),
    stories.PaysTooLate: (5, 1),
    stories.OpensTwo: (5, 2),
    stories.TwoTabs: (5, 2),
    stories.DeskMeanwhile: (5, 1),
    stories.PaidTwiceKept: (4, 1),
    stories.PaidTwiceRefunded: (4, 1),
    stories.WantsAllBack: (8, 1),
    stories.WantsPartBack: (6, 1),
    stories.WantsBothHalvesBack: (6, 1),
}
# A race may end the other way: told twice before anything is told by chance.
TWICE = (stories.PaysClosed, stories.PaidTwiceKept, stories.PaidTwiceRefunded, stories.WantsAllBack)
KILLED = ("web", "worker", "beat", "wechatpay", "alipay", "aliyun_sms")
FAULTS = (
    *("fail", "cut", "refuse", "slow", "hang"),
    *("hold", "reorder", "lose", "keep refunds", "none"),
)

REQUIRED = (
    *(f"story: {kind.title()}" for kind in MIX),
    *(f"paid by {provider} {scene}" for provider, scene in WAYS),
    *("paid by a link", "paid ahead", "paid for several bills", "paid after it was closed"),
    *(
        "paid twice, kept",
        "paid twice, to go back",
        "opened inside WeChat, with the payer's openid",
    ),
    *("refunds of a whole payment, paid out", "refunds of a part, paid out"),
    *("refunds by rule, paid out", "refunds by wechatpay, paid out", "refunds by alipay, paid out"),
    *(f"callback: {what}" for what in dict.fromkeys(CALLBACKS) if what),
    *(f"fault: {what}" for what in FAULTS),
    *(f"killed: {what}" for what in KILLED),
    *("lines reconciled with wechatpay", "lines reconciled with alipay"),
    *("texts: receipt", "texts: paid twice", "texts: refund"),
)


def write_stories(world: World, orders: int) -> list[Story]:
    """Stories of about so many orders: each kind, then more by chance."""
    chance = random.Random(world.seed)
    kinds: list[type[Story]] = [*MIX, *TWICE]
    while sum(MIX[kind][1] for kind in kinds) < orders:
        kinds += chance.choices(list(MIX), [weight for weight, _orders in MIX.values()])
    chance.shuffle(kinds)
    return [kind(world, number) for number, kind in enumerate(kinds)]


def missing(counted: Mapping[str, int]) -> list[str]:
    """What did not happen though every run is there to see it happen."""
    return [f"it never happened: {what}" for what in REQUIRED if not counted.get(what)]
