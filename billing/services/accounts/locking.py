"""The one order in which everybody locks accounts."""

from collections.abc import Iterable

from billing.models import Account


def lock_accounts(account_ids: Iterable[int]) -> None:
    """Locks accounts until the end of the transaction, in the one order that everybody uses.

    NO KEY, as the triggers do: a bill run that only adds charges need not wait.
    """
    list(
        Account.objects.select_for_update(no_key=True)
        .filter(pk__in=set(account_ids))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
