"""All exceptions of a reason are accepted at once, after their number was said; one note each."""

import pytest

from billing.models import BillRun
from billing.services.runs.run_approval import issue_previewed
from community.models import Community, Role, Unit
from tests.factories.community import StaffUserFactory

from .office import Office, text_of
from .small import preview, small_community

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> BillRun:
    """Three units of unknown area, each with an exception."""
    community = small_community(units=4)
    Unit.objects.exclude(room="101").update(area=0)
    return preview(community).run


@pytest.fixture
def community(run: BillRun) -> Community:
    return run.period.community


def waiting(run: BillRun) -> int:
    return run.exceptions.filter(accepted_at__isnull=True).count()


def test_the_number_is_said_before_and_each_keeps_who_and_why(
    run: BillRun, community: Community
) -> None:
    office = Office(community, Role.MANAGER)
    url = office.url("accept_reason", run.pk, "cannot_compute")
    assert f'href="{url}"' in office.get("run", run.pk)
    assert f'href="{url}"' in office.get("run", run.pk, reason="cannot_compute")
    page = office.get("accept_reason", run.pk, "cannot_compute")
    assert 'name="count" value="3"' in page
    assert waiting(run) == 3
    office.post("accept_reason", run.pk, "cannot_compute", count=3, note="毛坯")
    kept = set(run.exceptions.values_list("accepted_by", "note"))
    assert (waiting(run), kept) == (0, {(office.user.pk, "毛坯")})
    # Pressed again there is nothing left, and who accepted stays.
    assert office.post("accept_reason", run.pk, "cannot_compute", count=3, note="x").status_code
    assert set(run.exceptions.values_list("accepted_by", "note")) == kept


def test_what_concerns_all_units_comes_first(run: BillRun, community: Community) -> None:
    of_all = run.exceptions.create(reason="no_cost")
    page = Office(community, Role.MANAGER).get("run", run.pk)
    assert page.index(f'data-exception="{of_all.pk}"') == page.index("data-exception=")


@pytest.mark.parametrize("wrong", [{"note": " "}, {"note": "x" * 201}, {"count": "many"}])
def test_without_a_note_nothing_is_accepted(
    run: BillRun, community: Community, wrong: dict[str, str]
) -> None:
    office = Office(community, Role.ACCOUNTANT)
    answer = office.post(
        "accept_reason", run.pk, "cannot_compute", **({"count": "3", "note": "毛坯"} | wrong)
    )
    assert answer.status_code == 422
    assert waiting(run) == 3


def test_more_than_were_said_are_not_accepted(run: BillRun, community: Community) -> None:
    office = Office(community, Role.MANAGER)
    office.post("accept_reason", run.pk, "cannot_compute", count=2, note="毛坯")
    assert waiting(run) == 3


def test_other_reasons_and_issued_runs_have_nothing_to_accept(
    run: BillRun, community: Community
) -> None:
    office = Office(community, Role.MANAGER)
    assert 'name="count"' not in office.get("accept_reason", run.pk, "no_tariff")
    url = office.url("accept_reason", run.pk, "whatever")
    assert office.client.get(url).status_code == 404
    office.post("accept_reason", run.pk, "cannot_compute", count=3, note="毛坯")
    issue_previewed(run=run, by=StaffUserFactory.create())
    assert 'name="count"' not in office.get("accept_reason", run.pk, "cannot_compute")
    assert url not in text_of(office.client.get(office.url("run", run.pk)))
