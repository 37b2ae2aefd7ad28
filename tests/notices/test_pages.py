"""The pages: content by data, queries bounded, personal data only where it belongs."""

import io
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from billing.models import Bill, BillRun, Tariff
from community.models import Community, Job, Role
from community.services import jobs
from core import pdf
from notices.models import Campaign, Delivery, Notice
from notices.services.states import State
from notices.views import doors as views
from tests.factories.billing import AccountFactory, FeeItemFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    BuildingFactory,
    CommunityFactory,
    MembershipFactory,
    PartyFactory,
    UnitFactory,
)
from tests.factories.notices import DeliveryFactory, NoticeFactory, make_campaign
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db


def make_community(**fields: Any) -> Community:
    community: Community = CommunityFactory.create(
        hotline="0571-88880001",
        bank_name="建设银行云栖支行",
        bank_account_name="安居物业服务有限公司",
        bank_account_number="33050161613500000123",
        **fields,
    )
    return community


def as_staff(community: Community, role: Role = Role.MANAGER) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(community=community, role=role).user)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def pages_of(answer: Any) -> list[str]:
    assert answer.headers["Content-Type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.content))
    return [page.extract_text() for page in reader.pages]


def issued(community: Community, payers: int = 2) -> Campaign:
    """A campaign whose run has kept its totals, as a bill run does."""
    runs = [
        make_bill("300.00", "12.34", account=AccountFactory.create(community=community)).run
        for _payer in range(payers)
    ]
    run: BillRun = runs[0]
    run.summary = {
        "bills": payers,
        "lines": 2 * payers,
        "amount": "624.68",
        "items": [{"item": "物业服务费", "amount": "600.00"}, {"item": "费目2", "amount": "24.68"}],
    }
    run.save()
    item = FeeItemFactory.create(community=community, name="物业服务费")
    Tariff.objects.create(
        fee_item=item, unit_kind="dwelling", method="area", price="2.3500", starts_on="2020-01-01"
    )
    Tariff.objects.create(
        fee_item=FeeItemFactory.create(community=community, name="水费", position=9),
        unit_kind="dwelling",
        method="tiered",
        tiers="15:3.45;25:4.83;:5.83",
        starts_on="2020-01-01",
    )
    return make_campaign(run)


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


class TestDoors:
    @pytest.fixture
    def campaign(self) -> Campaign:
        """Buildings 2 and 10; in 2 two entrances; rooms out of order."""
        community = make_community()
        bill = None
        for building, entrance, room in (
            ("10", "1", "101"),
            ("2", "2", "1502"),
            ("2", "1", "1502"),
            ("2", "1", "902"),
            ("2", "1", "101"),
        ):
            unit = UnitFactory.create(
                building=BuildingFactory.create(community=community, code=building),
                entrance=entrance,
                room=room,
            )
            bill = make_bill("302.12", unit=unit)
        assert bill
        return make_campaign(bill.run)

    WALK = ("2-1-101", "2-1-902", "2-1-1502", "2-2-1502", "10-1-101")

    def url(self, name: str, campaign: Campaign) -> str:
        return reverse(f"notices:{name}", args=[campaign.community.code, campaign.pk])

    def test_pdf_follows_the_walk(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        with patch.object(pdf, "CHUNK", 2):
            pages = pages_of(clerk.get(self.url("door_pdf", campaign)))
        assert [code for page in pages for code in self.WALK if code in page.split()] == list(
            self.WALK
        )
        for page in pages:
            assert "302.12" in page
            assert campaign.community.bank_account_number in page

    def test_pdf_masks_names_and_holds_no_phone(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        text = "".join(pages_of(clerk.get(self.url("door_pdf", campaign))))
        for notice in campaign.notices.select_related("party"):
            assert notice.party
            assert notice.party.name not in text
            assert notice.party.phone not in text

    def test_owner_of_two_units_finds_at_each_door_what_that_unit_owes(self) -> None:
        community = make_community()
        party = PartyFactory.create(community=community)
        rooms = {"0101": "100.00", "0102": "200.00"}
        bills = [
            make_bill(amount, unit=UnitFactory.create(community=community, room=room), party=party)
            for room, amount in rooms.items()
        ]
        campaign = make_campaign(bills[0].run)
        clerk = as_staff(community, Role.CLERK)
        first, second = pages_of(clerk.get(self.url("door_pdf", campaign)))
        assert "100.00" in first
        assert "200.00" not in first
        assert "200.00" in second
        assert "100.00" not in second

    def test_pdf_of_one_entrance(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        building = campaign.community.buildings.get(code="2")
        url = self.url("door_pdf", campaign)
        answer = clerk.get(f"{url}?building={building.pk}&entrance=1")
        assert len(pages_of(answer)) == 3
        empty = clerk.get(f"{url}?building={building.pk}&entrance=9")
        assert empty.headers["Location"] == self.url("door_walk", campaign)
        assert clerk.get(url, {"building": "x"}).status_code == 404

    def test_many_are_printed_by_a_job(
        self, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "MOST_AT_ONCE", 4)
        clerk = as_staff(campaign.community, Role.CLERK)
        walk = self.url("door_walk", campaign)
        assert clerk.get(self.url("door_pdf", campaign)).headers["Location"] == walk
        pressed = [clerk.post(self.url("print_doors", campaign)) for _time in range(2)]
        assert len({answer.headers["Location"] for answer in pressed}) == 1, "one job"
        told: list[tuple[int, int]] = []
        monkeypatch.setattr(
            jobs.Progress, "report", lambda self, done, total: told.append((done, total))
        )
        with patch.object(pdf, "CHUNK", 2):
            assert jobs.run_job(job_id=Job.objects.get().pk)
        assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]
        shown = text_of(clerk.get(pressed[0].headers["Location"]))
        file = reverse("community:job_file", args=[campaign.community.code, Job.objects.get().pk])
        assert file in shown
        pages = pages_of(clerk.get(file))
        assert [code for page in pages for code in self.WALK if code in page.split()] == list(
            self.WALK
        )

    def test_what_is_settled_meanwhile_is_left_out_and_told(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        make_payment(Bill.objects.get(account__unit__code="2-1-902"))
        walk = clerk.get(self.url("door_walk", campaign))
        assert walk.context["settled"] == 1
        assert len(pages_of(clerk.get(self.url("door_pdf", campaign)))) == 4
        everything = clerk.get(self.url("door_pdf", campaign), {"settled": "on"})
        assert len(pages_of(everything)) == 5
        unit = campaign.community.units.get(code="2-1-902")
        one = clerk.get(self.url("door_pdf", campaign), {"unit": unit.pk})
        assert len(pages_of(one)) == 1, "this very one was asked for"
        for data in ({}, {"settled": "on"}):
            clerk.post(self.url("print_doors", campaign), data)
        for job, pages in zip(Job.objects.order_by("pk"), (4, 5), strict=True):
            jobs.run_job(job_id=job.pk)
            job.refresh_from_db()
            assert len(PdfReader(io.BytesIO(job.file.content)).pages) == pages
        told = Job.objects.order_by("pk").values_list("message", flat=True)
        assert len(told[0]) > len(told[1])

    def test_job_for_one_entrance_and_for_none(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        building = campaign.community.buildings.get(code="2")
        url = self.url("print_doors", campaign)
        assert clerk.post(url, {"building": "x"}).status_code == 404
        for entrance in ("1", "9"):
            clerk.post(url, {"building": building.pk, "entrance": entrance})
        some, none = Job.objects.order_by("pk")
        for job in (some, none):
            jobs.run_job(job_id=job.pk)
            job.refresh_from_db()
        assert (some.state, none.state) == (Job.State.DONE, Job.State.REFUSED)
        assert some.file
        assert len(PdfReader(io.BytesIO(some.file.content)).pages) == 3

    def test_walk_offers_a_job_where_many_doors_are(
        self, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "MOST_AT_ONCE", 2)
        clerk = as_staff(campaign.community, Role.CLERK)
        text = text_of(clerk.get(self.url("door_walk", campaign)))
        # All of them and the entrance of three doors; the other two are printed at once.
        assert text.count(f'action="{self.url("print_doors", campaign)}"') == 2
        assert text.count(f'href="{self.url("door_pdf", campaign)}') == 2

    def test_pdf_of_one_unit_is_found_on_its_page(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        unit = campaign.community.units.get(code="2-1-902")
        link = f"{self.url('door_pdf', campaign)}?unit={unit.pk}"
        page = clerk.get(reverse("portal:unit", args=[campaign.community.code, unit.pk]))
        assert link in page.content.decode()
        [slip] = pages_of(clerk.get(link))
        assert unit.code in slip.split()

    def test_queries_do_not_grow_with_the_doors(
        self, campaign: Campaign, django_assert_max_num_queries: Any
    ) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        with django_assert_max_num_queries(12):
            clerk.get(self.url("door_pdf", campaign))
        with django_assert_max_num_queries(14):
            clerk.get(self.url("door_walk", campaign))

    def test_posted_entrance_by_entrance(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        building = campaign.community.buildings.get(code="2")
        for _pressed in range(2):
            answer = clerk.post(
                self.url("doors_posted", campaign), {"building": building.pk, "entrance": "1"}
            )
            assert answer.status_code == 302
        hung = Delivery.objects.filter(channel="door", state=State.DELIVERED)
        assert sorted(hung.values_list("address", flat=True)) == sorted(self.WALK[:3])
        proof = {(door.posted_by_id, door.delivered_at) for door in hung}
        assert len(proof) == 1, "the second press changed nothing"
        assert None not in proof.pop()
        text = text_of(clerk.get(self.url("door_walk", campaign)))
        assert str(hung[0].posted_by) in text
        assert clerk.get(reverse("notices:door_campaigns", args=[building.community.code]))

    def test_posting_needs_an_entrance(self, campaign: Campaign) -> None:
        clerk = as_staff(campaign.community, Role.CLERK)
        for data in ({}, {"building": "x"}, {"entrance": "1"}):
            assert clerk.post(self.url("doors_posted", campaign), data).status_code == 302
        assert not Delivery.objects.filter(state=State.DELIVERED).exists()


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
