"""Celery tasks of the community room: each calls one service."""

from celery import shared_task

from community.services import jobs

# A bill run of a million units takes minutes; everything else in the portal seconds.
LONGEST_JOB = 3600


@shared_task(name="community.tasks.run_job", time_limit=LONGEST_JOB)
def run_job(job_id: int) -> None:
    """Does a job. Rung for twice it is done once."""
    jobs.run_job(job_id=job_id)


@shared_task(name="community.tasks.sweep_jobs")
def sweep_jobs() -> None:
    """Takes up what was left lying."""
    jobs.sweep_jobs()
