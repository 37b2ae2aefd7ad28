"""Jobs: long work outside the request, with a row that shows it moving (DESIGN, habit 11).

A room registers a kind with the function that does the work. PostgreSQL holds what is to be done,
the broker only rings; a worker claims the row with a lease and keeps it alive while it works, so a
job whose worker was killed is taken up by another. The function must bear being run again.
"""

import datetime
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from community.models import Community, Job, StoredFile, User
from core import outbox
from core.doorbell import after_commit, ring

LEASE = datetime.timedelta(seconds=60)
BEAT_SECONDS = 1.0
# A job that takes its worker down each time must not do so for ever.
MOST_ATTEMPTS = 5
KEEP_FILES = datetime.timedelta(days=30)

log = logging.getLogger(__name__)


class JobRefused(Exception):
    """The work cannot be done, and the message tells whoever asked why; `url` is where to go on."""

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


@dataclass(frozen=True)
class Made:
    """What a job leaves: a sentence, a page to go to, a file (name, content type, bytes)."""

    message: str = ""
    url: str = ""
    file: tuple[str, str, bytes] | None = None


@dataclass
class Progress:
    """How far a job is. Set from the work, written down by the heartbeat."""

    done: int = 0
    total: int = 0

    def report(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self.done, self.total = done, total


@dataclass(frozen=True)
class Kind:
    """A kind of job: how people call it, and what does it."""

    label: str | Promise
    work: Callable[[Job, Progress], Made]
    refusals: tuple[type[Exception], ...] = field(default=())


_kinds: dict[str, Kind] = {}


def register(
    name: str,
    *,
    label: str | Promise,
    work: Callable[[Job, Progress], Made],
    refusals: tuple[type[Exception], ...] = (),
) -> None:
    """Tells what does the jobs of a kind; called once, when the room starts.

    `work` runs outside any transaction. It raises JobRefused, or one of `refusals`, with a
    sentence for people.
    """
    if name in _kinds:
        raise ValueError(f"the kind {name} is registered already")
    _kinds[name] = Kind(label, work, (JobRefused, *refusals))


def label_of(job: Job) -> str:
    """What the job is called on its page."""
    kind = _kinds.get(job.kind)
    return str(kind.label) if kind else job.kind


def start_job(
    kind: str, *, community: Community, by: User | None, params: dict[str, Any] | None = None
) -> Job:
    """Asks for work; the same work asked for again while it is waiting or running is the same job.

    KeyError for a kind that nobody registered.
    """
    _kinds[kind]
    wanted = params or {}
    key = f"{kind} {json.dumps(wanted, sort_keys=True, ensure_ascii=False)}"[:200]
    live = Job.objects.live().filter(community=community, key=key)
    found = live.first()
    if found:
        return found
    try:
        with transaction.atomic():
            job = Job.objects.create(
                community=community,
                kind=kind,
                params=wanted,
                key=key,
                created_by=by,
                language=translation.get_language() or "zh-hans",
            )
    except IntegrityError:
        # Somebody asked at this very moment, and his job may even be done by now.
        return Job.objects.filter(community=community, key=key).latest("pk")
    after_commit(ring_job, job.pk)
    return job


def ring_job(job_id: int) -> None:
    """Has a worker take up a job."""
    ring("community.tasks.run_job", job_id)


def run_job(*, job_id: int) -> bool:
    """Does a job, if nobody else is at it and it is not done; returns whether it was done here.

    Must run outside a transaction.
    """
    claimed = outbox.claim(Job.objects.live().filter(pk=job_id), limit=1, lease=LEASE)
    if not claimed:
        return False
    job = Job.objects.select_related("community", "created_by").get(pk=job_id)
    job.attempts += 1
    job.state = Job.State.RUNNING
    job.save(update_fields=["attempts", "state"])
    progress = Progress()
    with translation.override(job.language), _Heartbeat(job.pk, progress):
        state, made = _work(job, progress)
    _finish(job, state, made, progress)
    return True


def _work(job: Job, progress: Progress) -> tuple[Job.State, Made]:
    kind = _kinds[job.kind]
    try:
        return Job.State.DONE, kind.work(job, progress)
    except kind.refusals as refusal:
        return Job.State.REFUSED, Made(str(refusal), getattr(refusal, "url", ""))
    except Exception:
        # Whatever it was has to end in the row: else the page shows a bar that never moves, and
        # every beat starts the work again. The log has the traceback.
        log.exception("job %s (%s) failed", job.pk, job.kind)
        return Job.State.FAILED, Made(
            _("Something went wrong on our side; nothing was changed. Please try again.")
        )


@transaction.atomic
def _finish(job: Job, state: Job.State, made: Made, progress: Progress) -> None:
    file = None
    if made.file:
        name, content_type, content = made.file
        file = StoredFile.keep(
            community=job.community,
            name=name,
            content_type=content_type,
            content=content,
            by=job.created_by,
        )
    done = progress.total if state == Job.State.DONE else progress.done
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
        state=state,
        message=made.message,
        result_url=made.url,
        file=file,
        done=done,
        total=progress.total,
        leased_until=None,
        finished_at=timezone.now(),
    )


class _Heartbeat:
    """Writes the progress down and renews the lease while the work goes on.

    A thread with a connection of its own: the work may sit in one long transaction, and what it
    writes there nobody sees before it is done.
    """

    def __init__(self, job_id: int, progress: Progress) -> None:
        self._job_id, self._progress = job_id, progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                Job.objects.filter(pk=self._job_id, state=Job.State.RUNNING).update(
                    done=self._progress.done,
                    total=self._progress.total,
                    leased_until=Now() + LEASE,
                )
        finally:
            connection.close()


def sweep_jobs() -> int:
    """Rings for jobs that nobody is at, gives up on those that keep failing, drops old files.

    Returns for how many it rang. Beat runs it; running it twice changes nothing.
    """
    idle = Job.objects.live().filter(Q(leased_until__isnull=True) | Q(leased_until__lt=Now()))
    idle.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=Job.State.FAILED, finished_at=Now(), leased_until=None
    )
    # What was asked for a moment ago has its bell in the broker already.
    late = idle.filter(Q(leased_until__lt=Now()) | Q(created_at__lt=Now() - LEASE / 6))
    waiting = list(late.order_by("pk").values_list("pk", flat=True))
    for job_id in waiting:
        ring_job(job_id)
    old = Job.objects.filter(finished_at__lt=Now() - KEEP_FILES, file__isnull=False)
    StoredFile.objects.filter(pk__in=old.values("file")).delete()
    return len(waiting)
