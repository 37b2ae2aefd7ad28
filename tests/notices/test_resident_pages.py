"""The notices a resident reads: his own, in few queries."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notices.models import Notice
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    PartyFactory,
    UnitFactory,
)
from tests.factories.notices import NoticeFactory, make_campaign
from tests.factories.payments import make_payment
from tests.notices.pages import make_community, text_of

pytestmark = pytest.mark.django_db


class TestResident:
    def test_list_and_notice(self, django_assert_max_num_queries: Any) -> None:
        community = make_community()
        party = PartyFactory.create(community=community, name="王小明")
        units = [UnitFactory.create(community=community, room=room) for room in ("0101", "0102")]
        bills = [make_bill("302.12", unit=unit, party=party) for unit in units]
        make_campaign(bills[0].run)
        user = BindingFactory.create(party=party).user
        client = Client()
        client.force_login(user)
        with django_assert_max_num_queries(12):
            text = text_of(client.get(reverse("notices:notices")))
        notice = Notice.objects.get()
        assert reverse("notices:notice", args=[notice.pk]) in text
        assert "¥604.24" in text
        with django_assert_max_num_queries(14):
            text = text_of(client.get(reverse("notices:notice", args=[notice.pk])))
        for part in (
            "王小明",
            units[0].code,
            units[1].code,
            "物业服务费",
            "¥604.24",
            community.hotline,
            community.bank_account_number,
            f"{units[0].code}+{units[1].code} 王小明",
            reverse("payments:pay"),
        ):
            assert part in text

    def test_what_was_paid_since_is_shown_as_paid(self) -> None:
        bill = make_bill("302.12")
        make_campaign(bill.run)
        user = BindingFactory.create(party=bill.account.party).user
        client = Client()
        client.force_login(user)
        url = reverse("notices:notice", args=[Notice.objects.get().pk])
        assert reverse("payments:pay") in text_of(client.get(url))
        make_payment(bill)
        assert reverse("payments:pay") not in text_of(client.get(url)).partition("<article")[2]

    def test_long_list_stays_quick(self, django_assert_max_num_queries: Any) -> None:
        party = PartyFactory.create()
        for year in range(2020, 2025):
            for quarter in (1, 2, 3, 4):
                bill = make_bill(
                    account=AccountFactory.create(party=party), year=year, quarter=quarter
                )
                make_campaign(bill.run)
        client = Client()
        client.force_login(BindingFactory.create(party=party).user)
        with django_assert_max_num_queries(12):
            client.get(reverse("notices:notices"))

    def test_codes_are_not_listed(self) -> None:
        binding = BindingFactory.create()
        notice = NoticeFactory.create(
            kind=Notice.Kind.SIGN_IN_CODE, user=binding.user, party=None, community=None
        )
        client = Client()
        client.force_login(binding.user)
        url = reverse("notices:notice", args=[notice.pk])
        assert url not in text_of(client.get(reverse("notices:notices")))
        assert client.get(url).status_code == 404
