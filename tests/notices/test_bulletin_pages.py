"""The bulletin: what, when and how much, and nothing of any person."""

import pytest
from django.test import Client
from django.urls import reverse

from community.models import Role
from notices.models import Campaign, Delivery
from tests.factories.billing import make_bill
from tests.factories.notices import make_campaign
from tests.notices.pages import as_staff, issued, make_community, pages_of, text_of

pytestmark = pytest.mark.django_db


class TestBulletin:
    def test_says_what_when_and_how(self) -> None:
        community = make_community()
        campaign = issued(community)
        text = text_of(Client().get(reverse("notices:bulletins", args=[community.code])))
        url = reverse("notices:bulletin", args=[community.code, campaign.pk])
        assert url in text
        text = text_of(Client().get(url))
        for part in (
            "¥624.68",
            "物业服务费",
            "¥600.00",
            "2.35",
            "5.83",
            community.hotline,
            community.bank_account_number,
            reverse("payments:pay"),
        ):
            assert part in text

    def test_holds_no_personal_data(self) -> None:
        community = make_community()
        campaign = issued(community)
        manager = as_staff(community)
        shown = [
            text_of(Client().get(reverse("notices:bulletins", args=[community.code]))),
            text_of(Client().get(reverse("notices:bulletin", args=[community.code, campaign.pk]))),
            *pages_of(manager.get(reverse("notices:poster", args=[community.code, campaign.pk]))),
        ]
        parties = {notice.party for notice in campaign.notices.select_related("party")}
        assert len(parties) == 2
        for text in shown:
            for party in parties:
                assert party
                assert party.name not in text
                assert party.phone not in text
            for door in Delivery.objects.filter(channel="door"):
                assert door.address not in text
            assert "312.34" not in text, "one payer's amount"

    def test_unpublished_and_unknown(self) -> None:
        community = make_community()
        campaign = issued(community)
        Campaign.objects.update(published_at=None)
        url = reverse("notices:bulletin", args=[community.code, campaign.pk])
        assert Client().get(url).status_code == 404
        assert Client().get(reverse("notices:bulletins", args=["nowhere"])).status_code == 404

    def test_run_without_kept_totals(self) -> None:
        campaign = make_campaign(make_bill().run)
        url = reverse("notices:bulletin", args=[campaign.community.code, campaign.pk])
        assert Client().get(url).status_code == 200

    def test_poster_is_one_page(self) -> None:
        community = make_community()
        campaign = issued(community)
        url = reverse("notices:poster", args=[community.code, campaign.pk])
        [page] = pages_of(as_staff(community, Role.CLERK).get(url))
        assert "¥624.68" in page
        assert community.hotline in page
