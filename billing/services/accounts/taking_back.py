"""Early-payment discounts follow their lines: what was given for a line falls when the line does.

For whoever takes lines back or lessens them afterwards, as `take_back_late_fees` is for late fees.
"""

from collections.abc import Collection, Iterator

from django.db.models import Sum

from billing.models import CreditEntry, EarlyPaymentOffer, OfferUse
from billing.services.accounts import discounts
from billing.services.accounts.posting import use_credit
from core.money import to_fen


def take_back_discounts(account_ids: Collection[int]) -> None:
    """Leaves of each discount what its offer gives for the lines that stand, never more than was.

    In place of the discount comes a smaller one of the same day, or none; the payer's own credit
    settles what it settled before. So it is too where a line that it settled was taken back: it
    moves on to one that stands. Must run in a transaction; the accounts are locked by the caller.
    """
    wrong = [
        (use, right)
        for offer in EarlyPaymentOffer.objects.filter(uses__account__in=account_ids).distinct()
        for use, right in _wrong_uses(offer, account_ids)
    ]
    uncovered = discounts.undo([use.credit_entry for use, _right in wrong])
    for use, right in wrong:
        if right:
            _give_again(use, right)
    if uncovered:
        use_credit(account_ids={use.account_id for use, _right in wrong}, charge_ids=uncovered)


def take_back_unpaid_discounts(reopened: Collection[int]) -> None:
    """Takes back whole each discount of the charges `reopened`, whose money went back to its payer.

    Who pays them in time again earns it again. Where nothing of them is open (credit settled them
    meanwhile) it stays. Must run in a transaction; the accounts are locked by the caller.
    """
    uses = OfferUse.objects.filter(account__charges__in=reopened, credit_entry__reversed_by=None)
    lost = [
        use
        for use in uses.select_related("offer", "credit_entry").distinct()
        if discounts.lines_of(use.offer, [use.account_id]).filter(pk__in=reopened).open().exists()
    ]
    uncovered = discounts.undo([use.credit_entry for use in lost])
    if uncovered:
        use_credit(account_ids={use.account_id for use in lost}, charge_ids=uncovered)


def _wrong_uses(
    offer: EarlyPaymentOffer, account_ids: Collection[int]
) -> Iterator[tuple[OfferUse, int]]:
    """The uses whose discount is too much, or not all on lines; and what is right, in fen."""
    uses = OfferUse.objects.filter(
        offer=offer, account__in=account_ids, credit_entry__reversed_by=None
    ).select_related("credit_entry", "offer")
    standing = discounts.with_left(discounts.lines_of(offer, account_ids).standing())
    base = dict(standing.values("account").annotate(sum=Sum("left")).values_list("account", "sum"))
    columns = ("pk", "unused")
    entries = CreditEntry.objects.filter(offer_use__in=uses).with_unused()
    unused = dict(entries.values_list(*columns))
    for use in uses:
        given = to_fen(use.credit_entry.amount)
        most = discounts.percent_of(offer, to_fen(base.get(use.account_id, 0)))
        if given > most or unused[use.credit_entry_id]:
            yield use, min(given, most)


def _give_again(use: OfferUse, fen: int) -> None:
    lines = discounts.lines_of(use.offer, [use.account_id]).standing()
    use.credit_entry, _freed = discounts.give(
        account_id=use.account_id,
        fen=fen,
        value_date=use.credit_entry.value_date,
        charge_ids=list(lines.values_list("pk", flat=True)),
    )
    use.save(update_fields=["credit_entry"])
