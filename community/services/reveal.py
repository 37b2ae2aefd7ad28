"""Showing personal data in the clear: never without a reason, never without a trace."""

from django.db import transaction

from community.models import AccessLog, Party, User


class ReasonMissing(Exception):
    """Nobody sees what is masked without saying why."""


@transaction.atomic
def reveal(*, user: User, party: Party, field: AccessLog.Field, reason: str) -> str:
    """The unmasked `field` of `party`; the look is on record when this returns.

    Raises ReasonMissing for an empty reason.
    """
    if not reason.strip():
        raise ReasonMissing
    AccessLog.objects.create(
        community_id=party.community_id, user=user, party=party, field=field, reason=reason.strip()
    )
    return str(getattr(party, field))
