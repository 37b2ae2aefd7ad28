"""The list of a large community's arrears as a job."""

import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.arrears.accounts import accounts_in_arrears
from billing.arrears.workbooks import XLSX, accounts_xlsx
from community.models import Job
from community.services.jobs import JobRefused, Made, Progress, register

KIND = "billing.arrears"


def _export(job: Job, progress: Progress) -> Made:
    """All accounts that `params` ask for: day, building_id, which, sort."""
    asked = dict(job.params)
    day = datetime.date.fromisoformat(asked.pop("day"))
    found, count = accounts_in_arrears(job.community, day, **asked)
    if not count:
        raise JobRefused(_("Nobody is in arrears any more."))
    progress.report(0, count)
    content = accounts_xlsx(found, day)
    progress.report(count, count)
    return Made(
        ngettext("%(n)s account", "%(n)s accounts", count) % {"n": count},
        file=(f"arrears-accounts-{job.community.code}-{day}.xlsx", XLSX, content),
    )


register(KIND, label=gettext_lazy("Arrears as a table"), work=_export)
