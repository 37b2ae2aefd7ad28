"""Sign-in and the pages of the community room."""

from community.models import Job, Occupancy, StoredFile
from tests.access.rows import Row
from tests.access.world import Side, Visitor
from tests.factories.community import (
    BindingRequestFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
)

RESIDENTS = (Visitor.OWNER, Visitor.NEIGHBOUR, Visitor.UNBOUND, Visitor.FOREIGN_OWNER)
# Pages about passwords do not exist for people who have none.
NO_PASSWORD: dict[Visitor, int | str] = dict.fromkeys(RESIDENTS, 404)
# ... nor does a second factor that was never set up.
NO_SECOND_FACTOR: dict[Visitor, int | str] = {
    visitor: 404 for visitor in Visitor if visitor is not Visitor.ANONYMOUS
}
# What is offered to one proved phone is nobody else's business, staff included.
STAFF_EXCLUDED: dict[Visitor, int | str] = dict.fromkeys(
    (Visitor.CLERK, Visitor.ACCOUNTANT, Visitor.MANAGER), 404
)


def registered(side: Side) -> Occupancy:
    """Another home of the owner, where he is not bound yet."""
    party = PartyFactory.create(community=side.community, phone=side.owner.phone)
    occupancy: Occupancy = OccupancyFactory.create(party=party)
    return occupancy


def a_job(side: Side) -> dict[str, int]:
    file = StoredFile.keep(
        community=side.community,
        name="a.pdf",
        content_type="application/pdf",
        content=b"%",
        by=None,
    )
    job = Job.objects.create(community=side.community, kind="door", key=str(file.pk), file=file)
    return {"pk": job.pk}


def a_colleague(side: Side) -> dict[str, int]:
    return {"pk": MembershipFactory.create(community=side.community).pk}


ROWS = [
    Row("community:job", a_job),
    Row("community:job_file", a_job),
    Row("set_language", post=True, data=lambda side: {"language": "en"}),
    Row("account_login"),
    Row("community:request_code", post=True),
    Row("community:enter_code"),
    Row("community:resend_code", post=True),
    Row("account_logout", post=True),
    Row("account_inactive"),
    Row("account_reauthenticate", expect=NO_PASSWORD),
    Row("account_change_password", expect=NO_PASSWORD),
    Row("mfa_index", expect=NO_PASSWORD),
    Row("mfa_authenticate"),
    Row("mfa_reauthenticate", expect=NO_PASSWORD),
    Row("mfa_activate_totp", expect=NO_PASSWORD),
    Row("mfa_deactivate_totp", expect=NO_SECOND_FACTOR),
    Row("mfa_view_recovery_codes", expect=NO_SECOND_FACTOR),
    Row("mfa_generate_recovery_codes", expect=NO_PASSWORD),
    Row("mfa_download_recovery_codes", expect=NO_SECOND_FACTOR),
    Row("community:me"),
    Row("community:elder_mode", post=True),
    Row("community:bind"),
    Row(
        "community:bind_registered",
        lambda side: {"pk": registered(side).pk},
        post=True,
        expect=STAFF_EXCLUDED,
    ),
    Row("community:binding_requests"),
    Row(
        "community:approve_binding",
        lambda side: {"pk": BindingRequestFactory.create(unit=side.unit).pk},
        post=True,
        data=lambda side: {"party": side.party.pk},
    ),
    Row(
        "community:reject_binding",
        lambda side: {"pk": BindingRequestFactory.create(unit=side.unit).pk},
        post=True,
        data=lambda side: {"reason": "不是业主"},
    ),
    Row(
        "community:reveal",
        lambda side: {"pk": side.party.pk},
        post=True,
        data=lambda side: {"field": "phone", "reason": "催缴电话"},
    ),
    Row("community:access_log"),
    Row("community:staff"),
    Row("community:staff_member", a_colleague, post=True),
    Row("community:settings"),
]
