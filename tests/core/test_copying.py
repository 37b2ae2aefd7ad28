"""COPY from Python: values arrive as they are, ids are fresh, the planner knows what came."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from community.models import Community, Party
from core.copying import copy_rows, refresh_statistics, reserve_ids

pytestmark = pytest.mark.django_db

FIELDS = ("community", "name", "phone", "email", "pinyin", "pinyin_initials")


@pytest.fixture
def community():
    return Community.objects.create(code="c", name="c")


@pytest.mark.parametrize("name", ["骉䶮𠮷", "a\tb", "a\nb\r", "\\N", "\\", "a\\tb", "'\";--", ""])
def test_text_arrives_as_it_is(community, name):
    assert copy_rows(Party, FIELDS, [(community.pk, name, "", "", "", "")]) == 1
    assert Party.objects.get().name == name


def test_ids_are_reserved_once(community):
    ids = reserve_ids(Party, 3)
    copy_rows(Party, ("id", *FIELDS), [(pk, community.pk, str(pk), "", "", "", "") for pk in ids])
    other = Party.objects.create(community=community, name="later")
    assert len({*ids, other.pk}) == 4
    assert reserve_ids(Party, 0) == []


def test_constraints_hold_and_are_djangos_own_errors(community):
    row = (community.pk, "a", "", "", "", "")
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows(Party, FIELDS, [row, row])


def test_what_copy_could_not_write_exactly_is_refused(community):
    with pytest.raises(TypeError):
        copy_rows(Party, FIELDS, [(community.pk, 1.5, "", "", "", "")])
    copy_rows(Party, FIELDS, [(community.pk, Decimal("1.50"), "", "", "", "")])
    assert Party.objects.get().name == "1.50"


def test_the_planner_knows_the_rows_before_they_are_committed(community):
    copy_rows(Party, FIELDS, [(community.pk, str(n), "", "", "", "") for n in range(500)])
    with connection.cursor() as cursor:
        cursor.execute("SHOW default_statistics_target")
        usual = cursor.fetchone()
        refresh_statistics(Party)
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'community_party'")
        assert cursor.fetchone() == (500,)
        cursor.execute("SHOW default_statistics_target")
        assert cursor.fetchone() == usual
