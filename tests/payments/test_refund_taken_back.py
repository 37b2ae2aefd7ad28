"""Who takes a refund back at the counter: whoever asked for it, or who decides on refunds."""

import pytest
from django.urls import reverse

from community.models import Role
from payments.models import Refund
from tests.factories.community import MembershipFactory
from tests.factories.payments import make_refund
from tests.payments.credit import account_with_credit, credit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize(
    ("who", "may"), [("asker", True), (Role.CLERK, False), (Role.ACCOUNTANT, True)]
)
def test_a_colleagues_refund_is_not_any_clerks_to_take_back(client, who, may, approved):
    account = account_with_credit()
    asker = MembershipFactory(community=account.community, role=Role.CLERK).user
    refund = make_refund(account, "60.00", by=asker, approved=approved)
    if who != "asker":
        client.force_login(MembershipFactory(community=account.community, role=who).user)
    else:
        client.force_login(asker)
    arguments = [account.community.code, refund.pk]
    page = client.get(reverse("payments:refund", args=arguments)).content.decode()
    assert ('value="withdrawn"' in page) is may
    # Whoever hands money out says that it could not be done, and why.
    assert ('value="failed"' in page) is approved
    answer = client.post(reverse("payments:end_refund", args=arguments), {"ending": "withdrawn"})
    assert answer.status_code == (302 if may else 403)
    state = Refund.objects.get().state
    assert state == ("withdrawn" if may else ("approved" if approved else "requested"))
    assert credit(account) == (40 if approved and not may else 100)
