"""Jobs: done once, taken up when a worker dies, never silent about what came of them."""

import datetime
import threading

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from community.models import Community, Job, Role, StoredFile
from community.services import jobs
from community.services.jobs import JobRefused, Made, Progress
from tests.factories.community import CommunityFactory, MembershipFactory


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A kind of job whose work the test sets, and how often it was done."""
    seen: dict[str, object] = {"times": 0, "do": lambda job, progress: Made("done")}

    def do(job: Job, progress: Progress) -> Made:
        seen["times"] += 1  # type: ignore[operator]
        return seen["do"](job, progress)  # type: ignore[operator]

    monkeypatch.setitem(jobs._kinds, "test", jobs.Kind("Test", do, (JobRefused, KeyError)))
    return seen


@pytest.fixture
def community(db: None) -> Community:
    found: Community = CommunityFactory.create()
    return found


def start(community: Community) -> Job:
    return jobs.start_job("test", community=community, by=None, params={"pk": 1})


def test_a_job_is_done_once(community: Community, work: dict[str, object]) -> None:
    job = start(community)
    assert start(community) == job
    assert jobs.run_job(job_id=job.pk)
    assert not jobs.run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.message, work["times"]) == (Job.State.DONE, "done", 1)
    assert job.finished_at
    assert start(community) != job


def test_nobody_takes_a_job_that_somebody_is_at(
    community: Community, work: dict[str, object]
) -> None:
    job = start(community)
    work["do"] = lambda _job, _progress: Made(str(jobs.run_job(job_id=job.pk)))
    jobs.run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.message, work["times"]) == ("False", 1)


def test_a_job_whose_worker_died_is_taken_up(
    community: Community, work: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(jobs, "ring", lambda task, pk: rung.append(pk))
    job = start(community)
    past = timezone.now() - datetime.timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, leased_until=past, attempts=1)
    jobs.sweep_jobs()
    assert rung == [job.pk]
    assert jobs.run_job(job_id=job.pk)
    assert jobs.sweep_jobs() == 0


def test_a_job_that_kills_its_workers_is_given_up(
    community: Community, work: dict[str, object]
) -> None:
    job = start(community)
    Job.objects.filter(pk=job.pk).update(attempts=jobs.MOST_ATTEMPTS)
    assert jobs.sweep_jobs() == 0
    job.refresh_from_db()
    assert job.state == Job.State.FAILED


def test_a_refusal_is_told_in_its_own_words(community: Community, work: dict[str, object]) -> None:
    def refuse(job: Job, progress: Progress) -> Made:
        progress.report(3, 10)
        raise JobRefused("no tariff")

    work["do"] = refuse
    job = start(community)
    jobs.run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.REFUSED, "no tariff")
    assert (job.done, job.total) == (3, 10)


def test_an_error_is_logged_and_told(
    community: Community, work: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(job: Job, progress: Progress) -> Made:
        raise RuntimeError("boom")

    work["do"] = fail
    job = start(community)
    jobs.run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.message
    assert "boom" not in job.message
    assert "boom" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_bar_moves_while_the_work_sits_in_a_transaction(
    work: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "BEAT_SECONDS", 0.01)
    community = CommunityFactory.create()
    job = jobs.start_job("test", community=community, by=None)
    over = threading.Event()
    written: list[int] = []

    def do(_job: Job, progress: Progress) -> Made:
        progress.report(7, 10)
        # Another connection reads what the heartbeat's wrote: nothing of it is ours to commit.
        for _try in range(1000):
            written[:] = Job.objects.filter(pk=job.pk).values_list("done", flat=True)
            if written == [7] or over.wait(0.01):
                break
        return Made()

    work["do"] = do
    jobs.run_job(job_id=job.pk)
    assert written == [7]


def test_a_file_is_kept_and_opened(
    community: Community, work: dict[str, object], client: Client
) -> None:
    work["do"] = lambda _job, _progress: Made(file=("门贴.pdf", "application/pdf", b"%PDF"))
    job = start(community)
    jobs.run_job(job_id=job.pk)
    client.force_login(MembershipFactory.create(community=community, role=Role.CLERK).user)
    address = reverse("community:job_file", args=[community.code, job.pk])
    answer = client.get(address)
    assert answer.content == b"%PDF"
    assert answer["Content-Type"] == "application/pdf"
    Job.objects.update(finished_at=timezone.now() - jobs.KEEP_FILES - datetime.timedelta(days=1))
    jobs.sweep_jobs()
    assert not StoredFile.objects.exists()
    assert client.get(address).status_code == 404


def test_the_page_moves_until_the_job_is_over(
    community: Community, work: dict[str, object], client: Client
) -> None:
    client.force_login(MembershipFactory.create(community=community, role=Role.CLERK).user)
    work["do"] = lambda _job, _progress: Made("12 bills", url="/somewhere/")
    job = start(community)
    address = reverse("community:job", args=[community.code, job.pk])
    assert "hx-get" in client.get(address).content.decode()
    jobs.run_job(job_id=job.pk)
    over = client.get(address)
    assert "hx-get" not in over.content.decode().split('id="job"')[1]
    assert "12 bills" in over.content.decode()
    assert client.get(address, headers={"HX-Request": "true"})["HX-Redirect"] == "/somewhere/"
