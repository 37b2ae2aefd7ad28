"""Looking after orders that hang: by a sweep, and sooner where somebody waits."""

import datetime
import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.doorbell import after_commit, ring
from payments.models import PaymentOrder
from payments.providers.base import PermanentError, TransientError
from payments.services.online.asking import ask, stop_asking
from payments.services.online.ordering import open_order
from payments.services.online.orders import next_check
from payments.services.online.turns import Turn

logger = logging.getLogger(__name__)
# A page that waits makes us ask at most this often.
LEAST_PAUSE = datetime.timedelta(seconds=4)


def sweep_orders() -> int:
    """Asks about every order that is due, as far as its turn reaches; how many. Safe to run twice
    at once.

    An order that cannot be asked about now (the provider is down) stays due for its next time.
    """
    turn, asked = Turn(), 0
    while turn.lasts() and (order := _claim()) is not None:
        asked += 1
        try:
            ask_by_id(order.pk)
        except TransientError as error:
            logger.warning("order %s: %s", order.out_trade_no, error)
        except Exception:  # one bad order must not keep the others waiting
            logger.exception("asking about order %s failed", order.out_trade_no)
    return asked


def ask_by_id(order_id: int) -> None:
    """Asks about one order if it is still live or watched. Raises TransientError: ask again later.

    What never arrived at the provider, because it was down, is placed now that it answers: whoever
    waits on its page can pay. So often as is asked, and no oftener.
    Where the provider does not know or want to know, somebody is told and the sweep stops asking.
    """
    order = PaymentOrder.objects.watched().filter(pk=order_id).first()
    if order is None:
        return
    try:
        asked = ask(order)
        if asked.state == PaymentOrder.State.CREATED:
            open_order(asked)
    except KeyError as error:
        stop_asking(order, f"no merchant account any more: {error}")
    except PermanentError as error:
        stop_asking(order, f"the provider does not answer about it: {error}")


def hurry(order: PaymentOrder) -> bool:
    """Somebody waits: has a worker ask now, unless one did a moment ago; whether it will."""
    now = timezone.now()
    rested = Q(checked_at=None) | Q(checked_at__lt=now - LEAST_PAUSE)
    with transaction.atomic():
        mine = PaymentOrder.objects.live().filter(rested, pk=order.pk).update(checked_at=now)
        if mine:
            after_commit(ring, "payments.tasks.check_order", order.pk)
    return bool(mine)


@transaction.atomic
def _claim() -> PaymentOrder | None:
    """The order that is due longest, put off to its next time so that nobody else takes it.

    One at a time: what a sweep claims and cannot ask about, because a provider is slow, would wait
    for nothing.
    """
    now = timezone.now()
    order = (
        PaymentOrder.objects.watched()
        .filter(check_at__lte=now)
        .order_by("check_at")
        .select_for_update(skip_locked=True)
        .first()
    )
    if order is not None:
        order.check_at, order.checked_at = next_check(order), now
        order.save(update_fields=["check_at", "checked_at"])
    return order
