"""Printing many door notices: 400 pages take a quarter of a minute, too long for a request."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community.models import Job, User
from community.services.jobs import JobRefused, Made, Progress, register, start_job
from notices import door
from notices.models import Campaign

KIND = "notices.door_notices"
# What a person waits for without wondering: about a second.
MOST_AT_ONCE = 20


def start_printing(*, campaign: Campaign, stretch: dict[str, Any], by: User) -> Job:
    """Has a worker print the door notices of `stretch` (as `door.doors` takes it).

    Pressed twice it is one job. A finished one is not handed out again: what is owed may have been
    paid since, and a neighbour must not be asked for it twice.
    """
    params = {"campaign": campaign.pk, **stretch}
    return start_job(KIND, community=campaign.community, by=by, params=params)


def _print(job: Job, progress: Progress) -> Made:
    stretch = dict(job.params)
    campaign = Campaign.objects.select_related("community", "run__period").get(
        pk=stretch.pop("campaign"), community=job.community
    )
    deliveries = door.doors(campaign, **stretch)
    total = deliveries.count()
    if not total:
        raise JobRefused(_("There is no door notice to print here, or all are settled."))
    stretch["owed"] = False
    left_out = door.doors(campaign, **stretch).count() - total
    progress.report(0, total)
    pdf = door.door_notices_pdf(
        campaign, deliveries, report=lambda done: progress.report(done, total)
    )
    message = _("The notices lie in the order of the walk.")
    if left_out:
        message = f"{message} " + ngettext(
            "%(n)d is left out: it was settled meanwhile.",
            "%(n)d are left out: they were settled meanwhile.",
            left_out,
        ) % {"n": left_out}
    return Made(
        message=message,
        file=(f"door-notices-{campaign.pk}.pdf", "application/pdf", pdf),
    )


register(KIND, label=gettext_lazy("Door notices"), work=_print)
