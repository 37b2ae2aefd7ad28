"""Who works in a community: taken on, moved to another role, let go.

A community never stays without a manager: whatever would take the last one is refused.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from community.models import Community, Membership, Role, User
from community.phones import mainland_mobile


class StaffRefused(Exception):
    """Why nothing was changed, in words for whoever asked."""


class Change(StrEnum):
    ADDED = "added"
    AGAIN = "again"  # works here once more
    NOTHING = "nothing"


@dataclass(frozen=True)
class Taken:
    """A membership and what became of it."""

    membership: Membership
    change: Change


@transaction.atomic
def add_staff(
    *,
    community: Community,
    username: str,
    role: Role,
    password: str = "",
    name: str = "",
    email: str = "",
    phone: str = "",
) -> Taken:
    """Lets `username` work in `community` as `role`; the user is made with `password` if new.

    Somebody who has an account keeps it as it is: name, password and contacts are not touched.
    Done twice it changes nothing. Raises StaffRefused for a role other than the one he has (that
    is `change_role`), a resident's account, a password, phone or address that will not do.
    """
    Community.objects.select_for_update().get(pk=community.pk)
    user = User.objects.filter(username=username).first()
    if user is None:
        user = _new_user(username, password, name=name, email=email, phone=phone)
    elif not user.has_usable_password():
        raise StaffRefused(
            _("%(name)s signs in without a password, as a resident.") % {"name": username}
        )
    membership, added = Membership.objects.get_or_create(
        user=user, community=community, defaults={"role": role}
    )
    if added:
        return Taken(membership, Change.ADDED)
    if membership.role != role:
        raise StaffRefused(
            _("%(name)s is %(role)s here already. Changing the role has to be asked for.")
            % {"name": username, "role": membership.get_role_display()}
        )
    if membership.is_active:
        return Taken(membership, Change.NOTHING)
    membership.is_active = True
    membership.save(update_fields=["is_active"])
    return Taken(membership, Change.AGAIN)


@transaction.atomic
def change_role(*, membership: Membership, role: Role) -> bool:
    """Gives somebody another role; whether it is another. StaffRefused for the last manager."""
    current = _locked(membership)
    if current.role == role:
        return False
    if role != Role.MANAGER:
        _keep_a_manager(current)
    current.role = role
    current.save(update_fields=["role"])
    return True


@transaction.atomic
def set_active(*, membership: Membership, active: bool) -> bool:
    """Lets somebody go, or come back; whether that is news. StaffRefused for the last manager."""
    current = _locked(membership)
    if current.is_active == active:
        return False
    if not active:
        _keep_a_manager(current)
    current.is_active = active
    current.save(update_fields=["is_active"])
    return True


def _locked(membership: Membership) -> Membership:
    """The row as it is now; two managers who remove each other wait here for one another."""
    Community.objects.select_for_update().get(pk=membership.community_id)
    return Membership.objects.select_related("user").get(pk=membership.pk)


def _keep_a_manager(leaving: Membership) -> None:
    if leaving.role != Role.MANAGER or not leaving.is_active:
        return
    others = Membership.objects.filter(
        community=leaving.community_id, role=Role.MANAGER, is_active=True, user__is_active=True
    ).exclude(pk=leaving.pk)
    if not others.exists():
        raise StaffRefused(
            _("%(name)s is the only manager here. Please name another one first.")
            % {"name": leaving.user}
        )


def _new_user(username: str, password: str, *, name: str, email: str, phone: str) -> User:
    if phone:
        try:
            phone = mainland_mobile(phone)
        except ValueError:
            raise StaffRefused(_("%(phone)s is no mobile number.") % {"phone": phone}) from None
        if User.objects.filter(phone=phone).exists():
            raise StaffRefused(_("Another account has the phone %(phone)s.") % {"phone": phone})
    user = User(username=username, name=name, email=email, phone=phone)
    try:
        User._meta.get_field("username").clean(username, user)
        if email:
            validate_email(email)
        validate_password(password, user)
    except ValidationError as error:
        raise StaffRefused(" ".join(error.messages)) from error
    user.set_password(password)
    user.save()
    return user
