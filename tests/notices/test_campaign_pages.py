"""Campaigns as staff see them: how far they are, what failed, what was done in person."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from community.models import Role
from notices.models import Campaign, Delivery, Notice
from notices.services.states import State
from tests.factories.notices import DeliveryFactory
from tests.notices.pages import as_staff, issued, make_community, text_of

pytestmark = pytest.mark.django_db


class TestCampaigns:
    def test_numbers_by_channel_and_state(self) -> None:
        community = make_community()
        campaign = issued(community, payers=3)
        sent, failed, _queued = Delivery.objects.filter(channel="sms")
        Delivery.objects.filter(pk=sent.pk).update(state=State.SENT)
        Delivery.objects.filter(pk=failed.pk).update(
            state=State.FAILED, error="isv.MOBILE_NUMBER_ILLEGAL"
        )
        manager = as_staff(community)
        answer = manager.get(reverse("notices:campaign", args=[community.code, campaign.pk]))
        by_channel = {row["channel"]: row for row in answer.context["channels"]}
        assert by_channel["sms"]["all"] == 3
        assert (by_channel["sms"]["sent"], by_channel["sms"]["failed"]) == (1, 1)
        assert by_channel["door"]["waiting"] == 3
        text = text_of(answer)
        assert "isv.MOBILE_NUMBER_ILLEGAL" in text
        failed.error = "isv.MOBILE_NUMBER_ILLEGAL"
        assert str(failed.plain_error) in text
        assert failed.address not in text, "masked"
        assert reverse("notices:retry", args=[community.code, failed.pk]) in text
        listed = manager.get(reverse("notices:campaigns", args=[community.code]))
        [row] = listed.context["page_obj"]
        assert (row.payers, row.lost, listed.context["failures"]) == (3, 1, 1)

    def test_page_fetches_itself_only_while_something_moves(self) -> None:
        community = make_community()
        campaign = issued(community)
        manager = as_staff(community)
        url = reverse("notices:campaign_progress", args=[community.code, campaign.pk])
        assert f'hx-get="{url}"' in text_of(manager.get(url))
        Delivery.objects.exclude(channel="door").update(state=State.SENT)
        assert "hx-get" not in text_of(manager.get(url))

    def test_retry_one(self) -> None:
        campaign = issued(make_community())
        delivery = DeliveryFactory.create(
            notice=campaign.notices.all()[0], address="1", state=State.FAILED, attempts=8
        )
        code = campaign.community.code
        url = reverse("notices:retry", args=[code, delivery.pk])
        here = reverse("notices:failures", args=[code])
        manager = as_staff(campaign.community)
        for _pressed in range(2):
            assert manager.post(url, {"next": here}).headers["Location"] == here
        key = delivery.key
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (State.QUEUED, 0)
        assert delivery.key != key, "the provider knows the old key as failed"

    def test_retry_all(self) -> None:
        campaign = issued(make_community(), payers=3)
        Delivery.objects.update(state=State.FAILED)
        doors = Delivery.objects.filter(channel="door")
        unknown = Delivery.objects.filter(channel="sms")[0]
        Delivery.objects.filter(pk=unknown.pk).update(state=State.UNKNOWN)
        url = reverse("notices:retry_campaign", args=[campaign.community.code, campaign.pk])
        assert as_staff(campaign.community).post(url).status_code == 302
        states = Delivery.objects.filter(channel="sms").values_list("state", flat=True)
        assert sorted(states) == [State.QUEUED, State.QUEUED, State.UNKNOWN]
        assert set(doors.values_list("state", flat=True)) == {State.FAILED}
        keys = Delivery.objects.values_list("key", flat=True)
        assert len(set(keys)) == len(keys)

    def test_only_a_manager_sees_the_button(self) -> None:
        campaign = issued(make_community())
        DeliveryFactory.create(notice=campaign.notices.all()[0], address="1", state=State.FAILED)
        for role, sees in ((Role.CLERK, False), (Role.ACCOUNTANT, False), (Role.MANAGER, True)):
            client = as_staff(campaign.community, role)
            url = reverse("notices:campaign", args=[campaign.community.code, campaign.pk])
            retry = reverse("notices:retry_campaign", args=[campaign.community.code, campaign.pk])
            assert (retry in text_of(client.get(url))) is sees

    def test_queries_bounded(self, django_assert_max_num_queries: Any) -> None:
        campaign = issued(make_community(), payers=4)
        Delivery.objects.update(state=State.FAILED)
        manager = as_staff(campaign.community)
        code = campaign.community.code
        for url in (
            reverse("notices:campaigns", args=[code]),
            reverse("notices:campaign", args=[code, campaign.pk]),
            reverse("notices:failures", args=[code]),
        ):
            with django_assert_max_num_queries(12):
                manager.get(url)


class TestAdmin:
    @pytest.fixture
    def keeper(self, admin_user: Any) -> Client:
        client = Client()
        client.force_login(admin_user)
        return client

    @pytest.mark.parametrize("model", [Campaign, Notice, Delivery])
    def test_looks_only(self, model: Any, keeper: Client) -> None:
        campaign = issued(make_community())
        row = model.objects.first()
        name = f"admin:notices_{model._meta.model_name}"
        assert keeper.get(reverse(f"{name}_changelist")).status_code == 200
        assert keeper.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
        assert keeper.get(reverse(f"{name}_add")).status_code == 403
        assert keeper.post(reverse(f"{name}_delete", args=[row.pk])).status_code == 403
        assert campaign.notices.exists()

    def test_shows_neither_code_nor_address(self, keeper: Client) -> None:
        delivery = DeliveryFactory.create(secret="gAAAAA-cipher", address="13812345678")
        for url in (
            reverse("admin:notices_delivery_changelist"),
            reverse("admin:notices_delivery_change", args=[delivery.pk]),
        ):
            text = text_of(keeper.get(url))
            assert "gAAAAA-cipher" not in text
            assert "13812345678" not in text
