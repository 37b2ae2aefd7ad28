"""The keeper's repair shop opens, and does not touch what has a history."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from community.models import AccessLog, User
from community.services.reveal import reveal
from tests.factories.community import (
    BindingFactory,
    BindingRequestFactory,
    MembershipFactory,
    OccupancyFactory,
    StaffUserFactory,
)

pytestmark = pytest.mark.django_db

OURS = [
    model._meta.model_name for model in admin.site._registry if model._meta.app_label == "community"
]


@pytest.fixture
def keeper(client: Client) -> Client:
    client.force_login(StaffUserFactory.create(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def _rows() -> None:
    party = OccupancyFactory.create().party
    BindingFactory.create(party=party)
    BindingRequestFactory.create()
    staff = MembershipFactory.create().user
    reveal(user=staff, party=party, field=AccessLog.Field.PHONE, reason="回电")


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize("model", OURS)
def test_lists_and_rows_open(keeper: Client, model: str) -> None:
    assert keeper.get(reverse(f"admin:community_{model}_changelist") + "?q=1").status_code == 200
    found = next(one for one in admin.site._registry if one._meta.model_name == model)
    row = found._default_manager.first()
    assert row is not None
    address = reverse(f"admin:community_{model}_change", args=[row.pk])
    assert keeper.get(address).status_code == 200


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize("model", ["accesslog", "bindingrequest"])
def test_what_has_a_history_is_only_shown(keeper: Client, model: str) -> None:
    found = next(one for one in admin.site._registry if one._meta.model_name == model)
    row = found._default_manager.first()
    assert row is not None
    for action in ("change", "delete"):
        address = reverse(f"admin:community_{model}_{action}", args=[row.pk])
        assert keeper.post(address, {"post": "yes"}).status_code == 403
    assert keeper.get(reverse(f"admin:community_{model}_add")).status_code == 403


def test_a_staff_account_is_made(keeper: Client) -> None:
    password = "clear-water-42"
    keeper.post(
        reverse("admin:community_user_add"),
        {
            "username": "chen",
            "name": "小陈",
            "usable_password": "true",
            "password1": password,
            "password2": password,
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    assert User.objects.get(username="chen").check_password(password)
