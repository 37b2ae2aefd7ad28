"""Who works in a community: the command, the manager's page, and that a manager always stays."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from community.models import Community, Membership, Role, User
from community.services.staff import StaffRefused, change_role, set_active
from tests.factories.community import (
    PASSWORD,
    CommunityFactory,
    MembershipFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return CommunityFactory.create()


def command(community: Community, monkeypatch: Any, *more: str, password: str = PASSWORD) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    named = ("--community", community.code, "--username", "fang", "--password-stdin")
    call_command("add_staff", *named, *more, stdout=out)
    return out.getvalue()


class TestCommand:
    def test_the_first_manager_of_an_imported_community(
        self, community: Community, monkeypatch: Any, client: Client
    ) -> None:
        contacts = ("--name", "方经理", "--email", "fang@example.com", "--phone", "138 0000 0099")
        command(community, monkeypatch, "--role", "manager", *contacts)
        user = User.objects.get(username="fang")
        assert (user.name, user.email, user.phone) == ("方经理", "fang@example.com", "13800000099")
        assert client.login(username="fang", password=PASSWORD)
        assert client.get(reverse("portal:manager", args=[community.code])).status_code == 200

    def test_twice_changes_nothing_and_says_so(
        self, community: Community, monkeypatch: Any
    ) -> None:
        first = command(community, monkeypatch, "--role", "clerk")
        again = command(community, monkeypatch, "--role", "clerk", password="another-horse-9")
        assert first != again
        assert Membership.objects.count() == 1
        assert User.objects.get().check_password(PASSWORD)

    def test_another_role_only_when_asked_for(self, community: Community, monkeypatch: Any) -> None:
        command(community, monkeypatch, "--role", "clerk")
        with pytest.raises(CommandError):
            command(community, monkeypatch, "--role", "accountant")
        command(community, monkeypatch, "--role", "accountant", "--change-role")
        assert Membership.objects.get().role == Role.ACCOUNTANT

    @pytest.mark.parametrize(
        ("more", "password"),
        [
            ((), "12345678"),
            ((), ""),
            (("--phone", "12"), PASSWORD),
            (("--email", "x"), PASSWORD),
        ],
    )
    def test_what_will_not_do_makes_nobody(
        self, community: Community, monkeypatch: Any, more: tuple[str, ...], password: str
    ) -> None:
        with pytest.raises(CommandError):
            command(community, monkeypatch, "--role", "clerk", *more, password=password)
        assert not User.objects.exists()

    def test_a_resident_does_not_become_staff(self, community: Community, monkeypatch: Any) -> None:
        UserFactory.create(username="fang")
        with pytest.raises(CommandError):
            command(community, monkeypatch, "--role", "clerk")

    def test_an_unknown_community_is_refused(self, monkeypatch: Any) -> None:
        with pytest.raises(CommandError):
            command(Community(code="nowhere"), monkeypatch, "--role", "clerk")


@pytest.fixture
def manager(community: Community, client: Client) -> Membership:
    membership: Membership = MembershipFactory.create(community=community, role=Role.MANAGER)
    client.force_login(membership.user)
    return membership


NEW = {"username": "zhou", "name": "周会计", "role": "accountant", "password": PASSWORD}


class TestPage:
    def test_a_colleague_is_added_once(self, client: Client, manager: Membership) -> None:
        url = reverse("community:staff", args=[manager.community.code])
        for _time in range(2):
            assert client.post(url, NEW).status_code == 302
        added = Membership.objects.get(user__username="zhou")
        assert (added.role, added.user.name) == (Role.ACCOUNTANT, "周会计")
        assert added.user.check_password(PASSWORD)
        assert "周会计" in client.get(url).content.decode()

    def test_a_name_that_somebody_elsewhere_has_is_taken(
        self, client: Client, manager: Membership
    ) -> None:
        other = MembershipFactory.create(user__username="zhou")
        url = reverse("community:staff", args=[manager.community.code])
        assert client.post(url, NEW).status_code == 422
        assert not Membership.objects.filter(community=manager.community, user=other.user).exists()
        MembershipFactory.create(community=other.community, user=manager.user, role=Role.MANAGER)
        assert client.post(url, NEW).status_code == 302
        other.user.refresh_from_db()
        assert other.user.name != NEW["name"], "an account that is there is not touched"

    @pytest.mark.parametrize("wrong", [{"password": "123"}, {"role": "king"}, {"email": "x"}])
    def test_what_is_wrong_is_said(
        self, client: Client, manager: Membership, wrong: dict[str, str]
    ) -> None:
        url = reverse("community:staff", args=[manager.community.code])
        assert client.post(url, NEW | wrong).status_code == 422
        assert not User.objects.filter(username="zhou").exists()

    def test_role_leaving_and_coming_back(self, client: Client, manager: Membership) -> None:
        clerk = MembershipFactory.create(community=manager.community)
        url = reverse("community:staff_member", args=[manager.community.code, clerk.pk])
        for data, wanted in (
            ({"role": "accountant"}, ("accountant", True)),
            ({"do": "leave"}, ("accountant", False)),
            ({"do": "return"}, ("accountant", True)),
            ({"role": "king"}, ("accountant", True)),
        ):
            assert client.post(url, data).status_code == 302
            clerk.refresh_from_db()
            assert (clerk.role, clerk.is_active) == wanted

    def test_the_last_manager_stays(self, client: Client, manager: Membership) -> None:
        url = reverse("community:staff_member", args=[manager.community.code, manager.pk])
        for data in ({"role": "clerk"}, {"do": "leave"}):
            client.post(url, data)
            manager.refresh_from_db()
            assert (manager.role, manager.is_active) == (Role.MANAGER, True)
        second = MembershipFactory.create(community=manager.community, role=Role.MANAGER)
        set_active(membership=second, active=False)
        with pytest.raises(StaffRefused):
            change_role(membership=manager, role=Role.CLERK)
        set_active(membership=second, active=True)
        client.post(url, {"do": "leave"})
        manager.refresh_from_db()
        assert not manager.is_active


class TestAboutTheCommunity:
    ABOUT = {
        "name": "云栖苑",
        "company": "安居物业",
        "address": "文一路 1 号",
        "hotline": "0571-88880000",
        "bank_name": "建设银行",
        "bank_account_name": "安居物业",
        "bank_account_number": "3305 0161 6135 0000",
    }

    def test_what_papers_say(self, client: Client, manager: Membership) -> None:
        url = reverse("community:settings", args=[manager.community.code])
        assert client.post(url, self.ABOUT).status_code == 302
        community = Community.objects.get(pk=manager.community_id)
        assert {name: getattr(community, name) for name in self.ABOUT} == self.ABOUT
        assert "安居物业" in client.get(url).content.decode()

    @pytest.mark.parametrize(
        "wrong", [{"name": ""}, {"bank_name": ""}, {"bank_account_number": "12"}]
    )
    def test_half_a_bank_account_is_refused(
        self, client: Client, manager: Membership, wrong: dict[str, str]
    ) -> None:
        url = reverse("community:settings", args=[manager.community.code])
        assert client.post(url, self.ABOUT | wrong).status_code == 422
        assert Community.objects.get(pk=manager.community_id).address == ""
