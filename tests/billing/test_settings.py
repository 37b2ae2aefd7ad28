"""How a community bills: what it may ask for is said once, and the database holds it too."""

import pytest
from django.db import IntegrityError, transaction

from billing.forms.runs import SettingsForm
from billing.models import BillingSettings
from billing.models.settings import DUE_DAYS, ISSUE_DAYS, PROPOSAL_DAYS
from tests.factories.community import CommunityFactory

pytestmark = pytest.mark.django_db

FILLED = {"cycle": 3, "issue_days_before": 10, "due_days": 45, "proposal_days": 15}
LIMITS = {
    "issue_days_before": ISSUE_DAYS,
    "due_days": DUE_DAYS,
    "proposal_days": PROPOSAL_DAYS,
}


@pytest.mark.parametrize("name", LIMITS)
def test_whatever_is_too_little_hears_of_the_same_least(name: str) -> None:
    least, most = LIMITS[name]
    heard = set()
    for wrong in (-100, -1, least - 1):
        form = SettingsForm(FILLED | {name: wrong}, instance=BillingSettings())
        heard.add(tuple(form.errors[name]))
    ((message,),) = heard
    assert str(least) in message
    (message,) = SettingsForm(FILLED | {name: most + 1}, instance=BillingSettings()).errors[name]
    assert str(most) in message


@pytest.mark.parametrize("name", LIMITS)
def test_the_browser_knows_the_limits_too(name: str) -> None:
    least, most = LIMITS[name]
    shown = str(SettingsForm(instance=BillingSettings())[name])
    assert f'min="{least}"' in shown
    assert f'max="{most}"' in shown


@pytest.mark.parametrize("name", LIMITS)
def test_the_database_holds_the_limits(name: str) -> None:
    least, most = LIMITS[name]
    community = CommunityFactory.create()
    BillingSettings.objects.create(community=community, **{name: least})
    rows = BillingSettings.objects.filter(community=community)
    rows.update(**{name: most})
    for wrong in (least - 1, most + 1):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**{name: wrong})
