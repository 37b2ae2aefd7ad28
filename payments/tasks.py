"""Doorbells and the sweeps of payments: an id in, one service called."""

from celery import shared_task

from community.models import today
from payments.providers.base import TransientError
from payments.services.channels import catching_up
from payments.services.online import events, hanging, original_refunds


@shared_task
def process_events(*event_ids: int) -> None:
    """Processes callbacks that were just stored; what fails now the sweep does later."""
    for event_id in event_ids:
        try:
            events.process(event_id)
        except TransientError:
            continue


@shared_task
def check_order(order_id: int) -> None:
    """Somebody waits for this order: asks the provider now; what fails now the sweep does later."""
    try:
        hanging.ask_by_id(order_id)
    except TransientError:
        return


@shared_task
def sweep_events() -> None:
    """Looks after callbacks that no doorbell woke."""
    events.sweep_events()


@shared_task
def sweep_orders() -> None:
    """Looks after orders that hang."""
    hanging.sweep_orders()


@shared_task
def sweep_refunds() -> None:
    """Looks after refunds that hang."""
    original_refunds.sweep_refunds()


@shared_task
def send_refund(refund_id: int) -> None:
    """A refund was approved: sends it to its provider; what fails now the sweep does later."""
    try:
        original_refunds.send(refund_id)
    except TransientError:
        return


@shared_task
def reconcile_days() -> None:
    """Compares yesterday, and the days before that were not compared yet, with the channels'."""
    catching_up.catch_up(on=today())


@shared_task
def reconcile_again() -> None:
    """Compares again the days of the last week of which a channel may say more by now."""
    catching_up.look_again(on=today())
