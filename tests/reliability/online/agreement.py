"""Whether the providers' ledgers and ours say the same, and every payer was told once."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from django.db import connection

from core import books
from tests.reliability.online.oracle import Ledgers, Theirs, read
from tests.reliability.online.world import World

NOTHING = Theirs(Decimal(0))
WAITING = ("requested", "approved", "processing")


def look(world: World) -> Ledgers:
    """Both sides as they are now."""
    database = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port")
    return read(
        {name: database[name] for name in wanted if database.get(name)},
        world.stack.home / "simulators",
        world.communities,
    )


def differences(found: Ledgers) -> list[str]:
    """What does not agree, or waits; nothing when all is well."""
    return [*_orders(found), *_refunds(found), *_accounts(found), *_waiting(found)]


def broken_books(world: World) -> list[str]:
    """What verify_books finds."""
    return [
        f"{one.rule}: {one.subject}: {one.detail}"
        for place in world.places.values()
        for one in books.verify(place.community.code).breaks
    ]


def _orders(found: Ledgers) -> Iterator[str]:
    """0 lost, 0 doubled: paid there exactly when it is paid here, with all that follows."""
    for order in found.orders:
        number = order.out_trade_no
        there = found.their_orders.get((order.provider, number), NOTHING)
        if (order.state == "paid") != there.done or order.payments != there.done:
            yield f"{number} is {order.state} with {order.payments} payments, there {there}"
        if not there.done:
            continue
        sums = {there.amount, order.amount, order.recorded, order.receipted, order.posted}
        if len(sums) > 1 or order.receipts != 1:
            yield f"{number}: {order}, there {there}"
        if order.transaction_id != there.number:
            yield f"{number}: transaction {order.transaction_id}, there {there.number}"
    for community, year, number, times in found.doubled_numbers:
        yield f"receipt {number} of {year} in {community} was issued {times} times"


def _refunds(found: Ledgers) -> Iterator[str]:
    ours = {(refund.provider, refund.out_refund_no): refund for refund in found.refunds}
    for key in ours.keys() | found.their_refunds.keys():
        refund, there = ours.get(key), found.their_refunds.get(key, NOTHING)
        paid = refund is not None and refund.state == "paid"
        if paid != there.done or (paid and refund.amount != there.amount):
            yield f"refund {key}: {refund}, there {there}"
        if refund is not None and refund.vouchers != paid:
            yield f"refund {key} has {refund.vouchers} vouchers"


def _accounts(found: Ledgers) -> Iterator[str]:
    """All money that is there is on the accounts that it was for, and settles what it can."""
    into: dict[int, Decimal] = defaultdict(Decimal)
    for_bills: dict[int, Decimal] = defaultdict(Decimal)
    for part in found.parts:
        there = found.their_orders.get((part.provider, part.out_trade_no), NOTHING)
        if part.out_trade_no is not None and not there.done:
            continue
        into[part.account_id] += part.amount
        for_bills[part.account_id] += part.amount * part.of_bill
    back: dict[int, Decimal] = defaultdict(Decimal)
    freed: dict[int, Decimal] = defaultdict(Decimal)
    for refund in found.refunds:
        there = found.their_refunds.get((refund.provider, refund.out_refund_no), NOTHING)
        back[refund.account_id] += there.amount * there.done
        freed[refund.account_id] += refund.amount * (refund.entry_id is not None)
    for account in found.accounts:
        pk = account.id
        if account.credited != into[pk] - back[pk]:
            yield f"account {pk}: {account}, but {into[pk]} came and {back[pk]} went back"
        # A refund takes from what its own payment settled, though others left credit.
        most = min(account.billed, for_bills[pk])
        if not most - freed[pk] <= account.settled <= min(most, into[pk] - back[pk]):
            yield f"account {pk}: {account}, but {most} is to be settled, {freed[pk]} was freed"


def _waiting(found: Ledgers) -> Iterator[str]:
    """What somebody, or the sweep, would still have to do."""
    for (event,) in found.events:
        yield f"event {event} was not processed"
    for refund in found.refunds:
        if refund.state in WAITING:
            yield f"refund {refund.out_refund_no} is {refund.state}: {refund.problem}"


# --- what people were told --------------------------------------------------------------------


def untold(found: Ledgers) -> list[str]:
    """Texts that did not come, or came twice: each payer hears of each event once."""
    wanted = _to_be_told(found)
    phones = {phone for phone, _what in wanted} | {order.phone for order in found.orders}
    phones |= {part.phone for part in found.parts}
    told = Counter({key: n for key, n in found.texts.items() if key[0] in phones})
    return [
        f"{phone} was told of {what} {told[phone, what]} times, not {wanted[phone, what]}"
        for phone, what in sorted(wanted.keys() | told.keys())
        if told[phone, what] != wanted[phone, what]
    ]


def _to_be_told(found: Ledgers) -> Counter[tuple[str, str]]:
    """Who has to hear of what how often, by the providers' ledgers and the desk's payments."""
    receipts = set()
    for part in found.parts:
        key = (part.provider, part.out_trade_no)
        if part.out_trade_no is None or found.their_orders.get(key, NOTHING).done:
            receipts.add((*key, part.phone))
    wanted = Counter((phone, "receipt") for *_order, phone in receipts)
    for order in found.orders:
        wanted[order.phone, "paid twice"] += order.kept > order.ahead
    for refund in found.refunds:
        what = {"paid": "refund", "failed": "refund that failed"}.get(refund.state)
        for phone in (refund.party_phone, refund.user_phone):
            wanted[phone, what or ""] += what is not None
    return +wanted


# --- the days of the channels -----------------------------------------------------------------


def unreconciled(found: Ledgers) -> list[str]:
    """What the comparison with the channels' own bills left to somebody."""
    lines: Counter[str] = Counter()
    for (provider, _number), there in (*found.their_orders.items(), *found.their_refunds.items()):
        lines[provider] += there.done
    compared: Counter[str] = Counter()
    for day in found.days:
        compared[day.provider] += day.our_lines
    return [
        *(f"{day}" for day in found.days if day.differences or day.their_lines != day.our_lines),
        *(f"fees differ: {day}" for day in found.days if not day.fees_agree),
        *(
            f"{compared[provider]} lines of {provider} were compared, of {number}"
            for provider, number in lines.items()
            if compared[provider] != number
        ),
    ]
