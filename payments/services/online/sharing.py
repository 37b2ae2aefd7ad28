"""Links to a bill that anyone may pay: made, opened, taken back."""

import datetime

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import timezone

from billing.models import Bill
from billing.services.accounts.posting import lock_accounts
from community.models import User
from payments.models import BillShare

LIFE = datetime.timedelta(days=14)
_SALT = "payments.bill_share"


@transaction.atomic
def share_bill(*, bill: Bill, by: User) -> BillShare:
    """The link to a bill; the same one while it is valid, however often it is asked for."""
    lock_accounts([bill.account_id])
    now = timezone.now()
    known = BillShare.objects.filter(bill=bill, created_by=by, revoked_at=None).first()
    if known is not None and known.expires_at > now:
        return known
    if known is not None:
        known.revoked_at = now
        known.save(update_fields=["revoked_at"])
    return BillShare.objects.create(bill=bill, created_by=by, expires_at=now + LIFE)


def revoke(*, bill: Bill, by: User) -> int:
    """Takes the links that `by` made to a bill back; how many."""
    standing = BillShare.objects.filter(bill=bill, created_by=by, revoked_at=None)
    return standing.update(revoked_at=timezone.now())


def token_of(share: BillShare) -> str:
    """What the address carries: the link's number and our signature, nothing of the person."""
    return _signer().sign(str(share.pk))


def shared(token: str) -> BillShare | None:
    """The link of a token, valid or not; None for a token that we did not sign.

    Whoever made it still stands for the payer: who moved out no longer shares.
    """
    try:
        pk = int(_signer().unsign(token))
    except (BadSignature, ValueError):
        return None
    return (
        BillShare.objects.filter(pk=pk)
        .select_related(
            "bill__account__community",
            "bill__account__unit",
            "bill__run__period",
            "bill__run__corrects__period",
            "created_by",
        )
        .first()
    )


def is_valid(share: BillShare) -> bool:
    """Whether it may still be used: not taken back, in time, and by who still may see the bill."""
    return (
        share.revoked_at is None
        and share.expires_at > timezone.now()
        and Bill.objects.of_resident(share.created_by).filter(pk=share.bill_id).exists()
    )


def masked_unit(code: str) -> str:
    """A unit's code with the end of its room hidden: 3-2-1502 is 3-2-15**."""
    head, dash, room = code.rpartition("-")
    keep = max(len(room) - 2, min(len(room) - 1, 1), 0)
    return head + dash + room[:keep] + "*" * (len(room) - keep)


def _signer() -> Signer:
    return Signer(salt=_SALT, sep=".")
