"""Celery tasks: an id in, one service called. Handed out twice is the same as once."""

from celery import shared_task

from notices import doorbell
from notices.services import campaign, deliver, dispatch


@shared_task(name="notices.tasks.deliver")
def deliver_task(delivery_id: int) -> None:
    deliver.deliver(delivery_id=delivery_id)


@shared_task(name="notices.tasks.dispatch")
def dispatch_task() -> None:
    dispatch.dispatch()


@shared_task(name="notices.tasks.reconcile")
def reconcile_task() -> None:
    dispatch.reconcile()


@shared_task(name="notices.tasks.fan_out_campaign")
def fan_out_task(campaign_id: int) -> None:
    if not campaign.fan_out_campaign(campaign_id=campaign_id):
        doorbell.ring_fan_out(campaign_id)
