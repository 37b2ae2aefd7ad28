"""Settings of background work: Celery, its broker, and what it does at which times."""

import re

from celery.schedules import crontab

from config.environment import REDIS_URL


def celery_redis(url: str) -> str:
    """A Redis URL in Celery's spelling.

    unix:///socket?db=3 is redis+socket:///socket?virtual_host=3 there; with `db` its broker would
    take database 0 without a word, and hand its tasks to whoever else works there.
    """
    if not url.startswith("unix://"):
        return url
    return re.sub(r"([?&])db=", r"\1virtual_host=", url.replace("unix://", "redis+socket://", 1))


CELERY_BROKER_URL = CELERY_RESULT_BACKEND = celery_redis(REDIS_URL)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Long enough for the longest task: a task that outlives it is handed out a second time.
# max_retries: a page that rings for a worker must not wait 6 s for a broker that is down; the row
# is found by the next beat. A worker goes on trying to connect all the same.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "max_retries": 0,
    "socket_connect_timeout": 2,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": 300}
CELERY_VISIBILITY_TIMEOUT = 300
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    # A scan that waited longer than its own interval is of no use any more.
    "community: take up jobs that were left lying": {
        "task": "community.tasks.sweep_jobs",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    # One for each, so that a slow provider of one kind keeps the others from nothing.
    "payments: look after callbacks that no doorbell woke": {
        "task": "payments.tasks.sweep_events",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: look after orders that hang": {
        "task": "payments.tasks.sweep_orders",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: look after refunds that hang": {
        "task": "payments.tasks.sweep_refunds",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "payments: compare yesterday with the channels' bills": {
        "task": "payments.tasks.reconcile_days",
        "schedule": crontab(minute="7,37", hour="10-20"),
        "options": {"expires": 1700},
    },
    # Not as often: of a quiet account each day of the week is asked about.
    "payments: compare again what the channels were late with": {
        "task": "payments.tasks.reconcile_again",
        "schedule": crontab(minute=22, hour="11-20/3"),
        "options": {"expires": 7200},
    },
    "billing: plan periods and remind staff of them": {
        "task": "billing.tasks.plan_periods",
        "schedule": crontab(minute="*/10", hour="8-20"),
        "options": {"expires": 590},
    },
    "servicedesk: mark clocks that ran out": {
        "task": "servicedesk.tasks.scan_clocks",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "notices: send what is due": {
        "task": "notices.tasks.dispatch",
        "schedule": 5.0,
        "options": {"expires": 5, "priority": 0},
    },
    "notices: put back what got stuck": {
        "task": "notices.tasks.reconcile",
        "schedule": 30.0,
        "options": {"expires": 25, "priority": 0},
    },
}
