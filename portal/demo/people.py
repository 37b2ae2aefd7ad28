"""Who signs in to the demo. The passwords are known to everybody: never in production."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _

from community.models import Binding, Community, Membership, Party, Role, User
from portal.demo.files import LI, WANG, Owner

PASSWORD = "yunqi-demo-2026"
STRANGER = Owner("陈晓东", "13800000003")


@dataclass(frozen=True)
class SignIn:
    """How somebody signs in: by user name and password, or by phone and a code."""

    role: str
    name: str
    secret: str


def sign_ins() -> list[SignIn]:
    """One for each role, in the order in which a visitor might want to look."""
    code = _("the code is on the page of the SMS simulator")
    return [
        SignIn(_("resident"), WANG.phone, code),
        SignIn(_("resident in arrears, elder mode"), LI.phone, code),
        SignIn(_("front desk clerk"), "clerk", PASSWORD),
        SignIn(_("accountant"), "accountant", PASSWORD),
        SignIn(_("manager"), "manager", PASSWORD),
    ]


def staff(community: Community) -> dict[Role, User]:
    """Clerk, accountant and manager of the first community."""
    names = {Role.CLERK: "林前台", Role.ACCOUNTANT: "周会计", Role.MANAGER: "方经理"}
    users = {role: _staff_user(str(role), name) for role, name in names.items()}
    # Whoever is told of a clock that ran out can be reached: see the simulators' pages.
    for role, phone in ((Role.ACCOUNTANT, "13800000011"), (Role.MANAGER, "13800000012")):
        user = users[role]
        if not user.phone and not User.objects.filter(phone=phone).exists():
            user.phone = phone
        user.email = user.email or f"{role}@example.com"
        user.save(update_fields=["phone", "email"])
    for role, user in users.items():
        Membership.objects.get_or_create(user=user, community=community, defaults={"role": role})
    return users


def staff_of_second(community: Community, first: dict[Role, User]) -> None:
    """Roles are per community: the first one's clerk manages the second."""
    Membership.objects.create(user=first[Role.CLERK], community=community, role=Role.MANAGER)
    helper = _staff_user("clerk2", "何前台")
    Membership.objects.create(user=helper, community=community, role=Role.CLERK)


def residents(community: Community) -> dict[str, User]:
    """Users of two owners, bound, and of one who is not on the register."""
    users = {}
    for owner, elder in ((WANG, False), (LI, True)):
        user = _resident(owner)
        user.elder_mode = elder
        user.save()
        users[owner.phone] = user
        for party in Party.objects.filter(community=community, phone=owner.phone):
            Binding.objects.get_or_create(user=user, party=party)
    users[STRANGER.phone] = _resident(STRANGER)
    return users


def _staff_user(username: str, name: str) -> User:
    user, created = User.objects.get_or_create(username=username, defaults={"name": name})
    if created:
        user.set_password(PASSWORD)
        user.save()
    return user


def _resident(owner: Owner) -> User:
    user, _created = User.objects.get_or_create(
        phone=owner.phone,
        defaults={
            "username": f"resident-{owner.phone}",
            "name": owner.name,
            "phone_verified": True,
            "password": make_password(None),  # residents come by code
        },
    )
    return user
