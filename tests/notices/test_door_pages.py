"""Door notices: printed in parts, walked by stairs, proven by who hung them."""

import io
from typing import Any
from unittest.mock import patch

import pytest
from django.urls import reverse
from pypdf import PdfReader

from billing.models import Bill
from community.models import Job, Role
from community.services import jobs
from core import pdf
from notices.models import Campaign, Delivery
from notices.services.states import State
from notices.views import doors as views
from tests.factories.billing import make_bill
from tests.factories.community import (
    BuildingFactory,
    PartyFactory,
    UnitFactory,
)
from tests.factories.notices import make_campaign
from tests.factories.payments import make_payment
from tests.notices.pages import as_staff, make_community, pages_of, text_of

pytestmark = pytest.mark.django_db


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
