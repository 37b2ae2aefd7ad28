"""`verify_books` sees what somebody does to reversals, corrections and closed periods."""

from decimal import Decimal

import pytest
from django.db import transaction

from billing.models import Bill, BillRun, CreditEntry
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs.corrections import preview_correction
from billing.services.runs.periods import close_run
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Unit
from tests.factories.community import UserFactory

from .small import Q2, issue, small_community
from .test_books import tamper, verify

pytestmark = pytest.mark.django_db

TAKEN_BACK = "billing.a_reversed_charge_is_settled_by_its_reversal"
BY_A_RUN = "billing.a_charge_is_taken_back_by_a_run"
AT_MOST = "billing.what_lessens_a_charge_is_at_most_the_charge"
OF_REVERSED = "billing.a_bill_of_a_reversed_run_is_taken_back"
POINTS = "billing.a_correction_points_to_an_issued_run_of_its_community"
CLOSED = "billing.nothing_moves_in_a_closed_period"
ANOTHER = "billing.a_second_person_is_another_person"
ISSUED = "billing.only_an_issued_run_takes_charges_back"

ANY_REVERSAL = "(SELECT MIN(id) FROM billing_creditentry WHERE kind = 'reversal')"
CORRECTION = "(SELECT MIN(id) FROM billing_billrun WHERE kind = 'correction')"
STANDING = "(SELECT MAX(id) FROM billing_billrun WHERE state = 'issued' AND kind = 'regular')"

RUN_TAMPERING = [
    (
        "a reversal of another amount",
        f"UPDATE billing_creditentry SET amount = amount - 0.01 WHERE id = {ANY_REVERSAL}",
        TAKEN_BACK,
    ),
    (
        "a reversal that settles nothing",
        f"DELETE FROM billing_allocation WHERE credit_entry_id = {ANY_REVERSAL}",
        TAKEN_BACK,
    ),
    (
        "a reversal without a run",
        f"UPDATE billing_creditentry SET run_id = NULL WHERE id = {ANY_REVERSAL}",
        BY_A_RUN,
    ),
    (
        "a waiver beside a reversal",
        f"""INSERT INTO billing_creditentry
            (account_id, kind, amount, value_date, charge_id, created_at)
        SELECT account_id, 'waiver', 0.01, value_date, charge_id, now()
        FROM billing_creditentry WHERE id = {ANY_REVERSAL}""",
        AT_MOST,
    ),
    (
        "a run called reversed that is not",
        f"""UPDATE billing_billrun SET state = 'reversed', reversed_at = now()
        WHERE id = {STANDING}""",
        OF_REVERSED,
    ),
    (
        "a correction that points nowhere",
        f"UPDATE billing_billrun SET corrects_id = NULL WHERE id = {CORRECTION}",
        POINTS,
    ),
    (
        "a correction that outlives what it corrects",
        f"""UPDATE billing_billrun SET state = 'reversed', reversed_at = now() WHERE id =
            (SELECT corrects_id FROM billing_billrun WHERE id = {CORRECTION})""",
        POINTS,
    ),
    (
        "a run issued into a closed period",
        """UPDATE billing_billrun SET issued_at = now() + interval '1 hour'
        WHERE state = 'closed'""",
        CLOSED,
    ),
    (
        "a run approved by whoever asked",
        f"""ALTER TABLE billing_billrun DROP CONSTRAINT run_approved_by_another;
        UPDATE billing_billrun SET approved_by_id = issued_by_id WHERE id = {CORRECTION}""",
        ANOTHER,
    ),
    (
        "a draft that takes charges back",
        f"""UPDATE billing_creditentry SET run_id = (
            SELECT id FROM billing_billrun WHERE state = 'previewed') WHERE id = {ANY_REVERSAL}""",
        ISSUED,
    ),
]


@pytest.fixture
def history() -> None:
    """A closed quarter with a correction beside it, one reversed and billed anew, one previewed."""
    community = small_community()
    first = issue(community).run
    bill = Bill.objects.order_by("id").first()
    with transaction.atomic():
        entry = post_credit(
            account=bill.account,
            kind=CreditEntry.Kind.OPENING,
            amount=Decimal("300.00"),
            value_date=bill.due_on,
        )
        allocate(credit_entry=entry)
    close_run(run=first)
    second = issue(community, **Q2).run
    reverse_run(run=second, by=None, reason="wrong price")
    issue(community, **Q2)
    Unit.objects.filter(room="101").update(area=99)
    asker = UserFactory.create()
    correction = preview_correction(run=first)
    assert correction
    issue_previewed(run=correction, by=asker)
    Unit.objects.filter(room="101").update(area=98)
    preview_correction(run=first)


def test_books_hold_after_reversals_and_corrections(history: None) -> None:
    states = list(BillRun.objects.order_by("id").values_list("state", flat=True))
    assert states == ["closed", "reversed", "issued", "issued", "previewed"]
    assert verify() == (0, set())


@pytest.mark.parametrize(
    ("sql", "rule"), [case[1:] for case in RUN_TAMPERING], ids=[case[0] for case in RUN_TAMPERING]
)
def test_tampering_is_seen(history: None, sql: str, rule: str) -> None:
    # A constraint that stands in the way goes first: rowcount is of the last statement.
    tamper(f"ALTER TABLE billing_billrun DROP CONSTRAINT IF EXISTS run_correction_names_what;{sql}")
    code, broken = verify()
    assert code == 1
    assert rule in broken
