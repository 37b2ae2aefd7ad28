"""The manager's today: a glance says whether somebody has to do something."""

import datetime

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from community.access import SignedInRequest, staff
from community.models import Community, Role, today
from portal.services import figures
from servicedesk.models import Ticket

NEAR = datetime.timedelta(hours=4)
SHOWN = 8


@staff(Role.MANAGER)
def manager(request: SignedInRequest, community: Community) -> HttpResponse:
    """Money of today, the period's collection rate, arrears by age, what waits, clocks."""
    channels = figures.collected_on(community, today())
    ages = figures.arrears_by_age(community)
    running = Ticket.objects.filter(community=community).open().by_urgency()
    context = {
        "community": community,
        "channels": channels,
        "collected": sum(channel.amount for channel in channels),
        "rates": figures.collection_rates(community),
        "ages": ages,
        "overdue": sum(age.amount for age in ages),
        "waiting": figures.exceptions_waiting(community),
        "unbilled": figures.unbilled(community),
        "tickets": running.filter(Q(next_due_at__lte=timezone.now() + NEAR)).select_related(
            "unit", "assignee"
        )[:SHOWN],
        "running": running.count(),
    }
    return render(request, "portal/manager.html", context)
