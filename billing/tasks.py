"""Celery tasks of billing: each calls one service."""

from celery import shared_task

from billing.services.runs import periods


@shared_task
def plan_periods() -> int:
    """Plans the next periods and tells staff which are due. Run twice, it does nothing."""
    periods.plan_periods()
    return periods.remind()
