"""Comparing a channel's day because an accountant asks for it, as a job."""

import datetime
import logging
from collections.abc import Sequence

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community.models import Community, Job, User
from community.services.jobs import JobRefused, Made, Progress, register, start_job
from payments.models import Reconciliation, ReconciliationLine
from payments.providers.base import BillDamaged, BillNotReady, ProviderError, TransientError
from payments.services.channels.reconciling import reconcile
from payments.services.channels.storing_days import Done, ReconcileRefused
from payments.wording import channel_names

logger = logging.getLogger(__name__)
KIND = "payments.reconcile"


def start_reconciling(*, community: Community, provider: str, day: datetime.date, by: User) -> Job:
    """Has a worker fetch a provider's bill of a day and compare the community's part of it."""
    params = {"provider": provider, "day": str(day)}
    return start_job(KIND, community=community, by=by, params=params)


def what_came_of(job_id: str | None, community: Community) -> str:
    """What a comparison that is done found, in a sentence; empty for any other number."""
    if not job_id or not job_id.isdecimal() or len(job_id) > 18:
        return ""
    done = Job.objects.filter(pk=job_id, community=community, kind=KIND, state=Job.State.DONE)
    return done.values_list("message", flat=True).first() or ""


def plain(error: ProviderError) -> str:
    """What went wrong with the provider, in a sentence."""
    if isinstance(error, BillDamaged):
        return _(
            "The bill that came from the channel is damaged. Nothing was changed; please try again "
            "later."
        )
    if isinstance(error, BillNotReady):
        return _(
            "The channel is still making the bill of this day. Nothing was changed; please try "
            "again in half an hour."
        )
    if isinstance(error, TransientError):
        return _("The channel cannot be reached just now. Nothing was changed; please try again.")
    return _(
        "The channel did not hand out the bill of this day. Nothing was changed; please check the "
        "settings of the merchant account."
    )


def _reconcile(job: Job, progress: Progress) -> Made:
    back = reverse("payments:reconciliations", args=[job.community.code])
    day = datetime.date.fromisoformat(job.params["day"])
    try:
        done = reconcile(channel=job.params["provider"], day=day, community=job.community)
    except ProviderError as error:
        logger.warning("job %s, %s of %s: %s", job.pk, job.params["provider"], day, error)
        raise JobRefused(plain(error), back) from error
    except ReconcileRefused as refusal:
        raise JobRefused(str(refusal), back) from refusal
    found = [one for one in done if one.reconciliation.our_lines or one.reconciliation.their_lines]
    if len(found) == 1:
        back = reverse(
            "payments:reconciliation", args=[job.community.code, found[0].reconciliation.pk]
        )
    name = channel_names()[job.params["provider"]]
    said = f"{name}, {date_format(day)}: {_found(found)}"
    return Made(said, f"{back}?compared={job.pk}")


def _found(done: Sequence[Done]) -> str:
    """What comparing found, in a sentence."""
    if not done:
        return _("neither side has a payment or refund. There is nothing to sign off.")
    if all(one.reconciliation.state == Reconciliation.State.CLOSED for one in done):
        return _("it is signed off, and the bill is the same. Nothing was changed.")
    waiting = ReconciliationLine.objects.filter(
        reconciliation__in=[one.reconciliation for one in done],
        state=ReconciliationLine.State.OPEN,
    ).count()
    if waiting:
        said = ngettext(
            "%(n)s difference waits for you.", "%(n)s differences wait for you.", waiting
        ) % {"n": waiting}
    else:
        said = _("compared, and no difference is open.")
    if any(one.changed for one in done):
        return said
    return f"{said} {_('Nothing is new since it was last compared.')}"


register(KIND, label=gettext_lazy("Comparing a day with the channel's bill"), work=_reconcile)
