"""The pages of the room, as a resident, a clerk and a manager use them."""

import datetime

import pytest
from django.db import connection
from django.db.utils import InternalError
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from community.models import AccessLog, Binding, BindingRequest, Community, Role, today
from community.services.reveal import ReasonMissing, reveal
from tests.factories.community import (
    BindingFactory,
    BindingRequestFactory,
    BuildingFactory,
    CommunityFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
    UnitFactory,
    UserFactory,
)

PHONE = "13812345678"
State = BindingRequest.State

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    community: Community = CommunityFactory.create(name="云栖苑", code="yunqi")
    return community


@pytest.fixture
def clerk(client: Client, community: Community) -> Client:
    client.force_login(MembershipFactory.create(community=community).user)
    return client


@pytest.fixture
def manager(client: Client, community: Community) -> Client:
    client.force_login(MembershipFactory.create(community=community, role=Role.MANAGER).user)
    return client


class TestBind:
    def test_a_registered_number_needs_one_press(
        self, client: Client, community: Community
    ) -> None:
        at = OccupancyFactory.create(
            unit=UnitFactory.create(community=community),
            party__phone=PHONE,
            party__name="王小明",
        )
        client.force_login(UserFactory.create(phone=PHONE))
        page = client.get(reverse("community:bind")).content.decode()
        assert at.unit.code in page
        assert "王*明" in page
        assert "王小明" not in page, "the number may have changed hands"
        response = client.post(reverse("community:bind_registered", args=[at.pk]))
        assert response.headers["Location"] == reverse("community:me")
        assert Binding.objects.get().party == at.party

    def test_one_step_after_another(self, client: Client, community: Community) -> None:
        CommunityFactory.create(name="荷塘里")
        building = BuildingFactory.create(community=community, code="7")
        unit = UnitFactory.create(building=building, room="101")
        client.force_login(UserFactory.create())
        page = client.get(reverse("community:bind")).content.decode()
        assert "荷塘里" in page
        assert "?community=yunqi" in page
        page = client.get(reverse("community:bind") + "?community=yunqi").content.decode()
        assert '<option value="7">' in page
        address = reverse("community:bind") + "?community=yunqi&building=7"
        assert unit.code in client.get(address).content.decode()
        client.post(address, {"unit": unit.pk, "name": "李雷"})
        request = BindingRequest.objects.get()
        assert (request.unit, request.claimed_name, request.state) == (unit, "李雷", State.PENDING)

    def test_a_typed_code(self, client: Client, community: Community) -> None:
        unit = UnitFactory.create(community=community, entrance="2", room="1502")
        client.force_login(UserFactory.create())
        client.post(reverse("community:bind"), {"code": "３栋2单元1502室", "name": "李雷"})
        assert BindingRequest.objects.get().unit == unit

    @pytest.mark.parametrize("code", ["", "9-9-999", "1502", "\x00", "3" * 70])
    def test_a_code_that_names_nothing(
        self, client: Client, community: Community, code: str
    ) -> None:
        UnitFactory.create(community=community, entrance="2", room="1502")
        client.force_login(UserFactory.create())
        response = client.post(reverse("community:bind"), {"code": code, "name": "李雷"})
        assert response.status_code == 422
        assert response.context["form"].has_error("code")
        assert "李雷" in response.content.decode(), "what was typed stays"

    def test_a_unit_of_another_building_is_no_choice(
        self, client: Client, community: Community
    ) -> None:
        BuildingFactory.create(community=community, code="7")
        foreign = UnitFactory.create()
        client.force_login(UserFactory.create())
        address = reverse("community:bind") + "?community=yunqi&building=7"
        assert client.post(address, {"unit": foreign.pk, "name": "李雷"}).status_code == 422
        assert not BindingRequest.objects.exists()

    def test_pressed_again_it_says_that_it_is_done(
        self, client: Client, community: Community
    ) -> None:
        at = OccupancyFactory.create(unit=UnitFactory.create(community=community))
        client.force_login(BindingFactory.create(party=at.party).user)
        response = client.post(
            reverse("community:bind"), {"code": at.unit.code, "name": "x"}, follow=True
        )
        assert [message.level_tag for message in response.context["messages"]] == ["info"]

    def test_no_community_yet(self, client: Client) -> None:
        client.force_login(UserFactory.create())
        assert client.get(reverse("community:bind")).status_code == 200


class TestMe:
    def test_homes_old_and_new_and_claims(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        user = UserFactory.create(phone=PHONE)
        party = PartyFactory.create()
        BindingFactory.create(user=user, party=party)
        now = OccupancyFactory.create(party=party)
        yesterday = today() - datetime.timedelta(days=1)
        then = OccupancyFactory.create(party=party, ends_on=yesterday)
        for _n in range(3):
            OccupancyFactory.create(party=party)
        rejected = BindingRequestFactory.create(
            user=user, state=State.REJECTED, reason="请带房产证到前台"
        )
        client.force_login(user)
        with django_assert_max_num_queries(10):
            page = client.get(reverse("community:me")).content.decode()
        assert now.unit.code in page
        assert then.unit.code in page
        assert date_format(yesterday, "DATE_FORMAT") in page
        assert rejected.reason in page
        assert "138****5678" in page
        assert PHONE not in page

    def test_nothing_yet(self, client: Client) -> None:
        client.force_login(UserFactory.create())
        assert reverse("community:bind") in client.get(reverse("community:me")).content.decode()


class TestDesk:
    def test_what_waits_and_what_was_decided(
        self,
        clerk: Client,
        community: Community,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _n in range(5):
            at = OccupancyFactory.create(unit=UnitFactory.create(community=community))
            BindingRequestFactory.create(unit=at.unit, claimed_name=at.party.name)
        BindingRequestFactory.create(
            unit=at.unit, state=State.REJECTED, reason="不是业主", claimed_name="赵六"
        )
        elsewhere = BindingRequestFactory.create(claimed_name="孙七")
        with django_assert_max_num_queries(10):
            response = clerk.get(reverse("community:binding_requests", args=["yunqi"]))
        page = response.content.decode()
        assert len(response.context["waiting"]) == 5
        assert at.party.name in page
        assert at.party.phone not in page
        assert "不是业主" in page
        assert elsewhere.claimed_name not in page

    def test_approve(self, clerk: Client, community: Community) -> None:
        at = OccupancyFactory.create(unit=UnitFactory.create(community=community))
        request = BindingRequestFactory.create(unit=at.unit)
        address = reverse("community:approve_binding", args=["yunqi", request.pk])
        for party in ("", "x", "0", str(PartyFactory.create(community=community).pk)):
            clerk.post(address, {"party": party})
            request.refresh_from_db()
            assert request.state == State.PENDING
        response = clerk.post(address, {"party": at.party_id})
        assert response.headers["Location"] == reverse("community:binding_requests", args=["yunqi"])
        request.refresh_from_db()
        assert (request.state, request.party, request.method) == (
            State.APPROVED,
            at.party,
            BindingRequest.Method.STAFF,
        )
        assert request.decided_by is not None
        assert request.decided_by.memberships.get().community == community

    def test_reject(self, clerk: Client, community: Community) -> None:
        request = BindingRequestFactory.create(unit=UnitFactory.create(community=community))
        address = reverse("community:reject_binding", args=["yunqi", request.pk])
        clerk.post(address, {"reason": " "})
        request.refresh_from_db()
        assert request.state == State.PENDING
        clerk.post(address, {"reason": "不是业主"})
        request.refresh_from_db()
        assert (request.state, request.reason) == (State.REJECTED, "不是业主")
        response = clerk.post(
            reverse("community:approve_binding", args=["yunqi", request.pk]),
            {"party": OccupancyFactory.create(unit=request.unit).party_id},
            follow=True,
        )
        assert [message.level_tag for message in response.context["messages"]][-1] == "warning"


class TestReveal:
    def test_the_number_shows_and_the_look_is_on_record(
        self, clerk: Client, community: Community
    ) -> None:
        party = PartyFactory.create(community=community, phone=PHONE)
        address = reverse("community:reveal", args=["yunqi", party.pk])
        response = clerk.post(address, {"field": "phone", "reason": "回电", "next": "/c/x/"})
        assert PHONE in response.content.decode()
        assert 'href="/c/x/"' in response.content.decode()
        assert response.headers["Cache-Control"] == "private, no-store"
        look = AccessLog.objects.get()
        assert (look.party, look.field, look.reason) == (party, "phone", "回电")

    def test_in_place_of_the_mask(self, clerk: Client, community: Community) -> None:
        party = PartyFactory.create(community=community, phone=PHONE)
        address = reverse("community:reveal", args=["yunqi", party.pk])
        response = clerk.post(
            address, {"field": "phone", "reason": "回电"}, headers={"HX-Request": "true"}
        )
        assert PHONE in response.content.decode()
        assert "<html" not in response.content.decode()

    @pytest.mark.parametrize(
        "data", [{"field": "phone"}, {"field": "phone", "reason": " "}, {"field": "pinyin"}]
    )
    @pytest.mark.parametrize("htmx", [{}, {"HX-Request": "true"}])
    def test_no_reason_no_number(
        self, clerk: Client, community: Community, data: dict[str, str], htmx: dict[str, str]
    ) -> None:
        party = PartyFactory.create(community=community, phone=PHONE)
        address = reverse("community:reveal", args=["yunqi", party.pk])
        response = clerk.post(address, data, headers=htmx, follow=True)
        assert PHONE not in response.content.decode()
        assert not AccessLog.objects.exists()

    def test_the_service_insists_too(self) -> None:
        party = PartyFactory.create()
        with pytest.raises(ReasonMissing):
            reveal(user=UserFactory.create(), party=party, field=AccessLog.Field.PHONE, reason=" ")

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE community_accesslog SET reason = 'x'",
            "DELETE FROM community_accesslog",
            "TRUNCATE community_accesslog",
        ],
    )
    def test_the_record_cannot_be_touched(self, sql: str) -> None:
        reveal(
            user=UserFactory.create(),
            party=PartyFactory.create(),
            field=AccessLog.Field.PHONE,
            reason="回电",
        )
        connection.check_constraints()  # nothing pending that would refuse for its own reason
        with connection.cursor() as cursor, pytest.raises(InternalError, match="pgtrigger"):
            cursor.execute(sql)

    def test_the_manager_reads_it(
        self,
        manager: Client,
        community: Community,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        user = UserFactory.create(name="小陈")
        for number in range(52):
            party = PartyFactory.create(community=community)
            reveal(user=user, party=party, field=AccessLog.Field.PHONE, reason=f"第{number}次")
        foreign = PartyFactory.create()
        reveal(user=user, party=foreign, field=AccessLog.Field.PHONE, reason="别处")
        with django_assert_max_num_queries(10):
            page = manager.get(reverse("community:access_log", args=["yunqi"])).content.decode()
        assert "第51次" in page
        assert "第1次" not in page, "on the second page"
        assert "别处" not in page
        assert "小陈" in page
