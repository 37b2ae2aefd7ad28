"""What a test committed is gone before the next one, append-only postings too."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import TransactionTestCase

from billing.models import Charge
from tests.billing.small import issue, small_community
from tests.fixtures.database import MADE_BY_MIGRATE, delete_all_rows


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_but_what_migrate_made() -> None:
    permissions = Permission.objects.count()
    issue(small_community())
    assert Charge.objects.exists()
    delete_all_rows(TransactionTestCase())
    left = {model._meta.db_table for model in apps.get_models() if model._default_manager.exists()}
    assert left == MADE_BY_MIGRATE
    assert Permission.objects.count() == permissions > 0
