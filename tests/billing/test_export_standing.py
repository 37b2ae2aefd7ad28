"""The export writes what stands: nothing that was taken back, corrections where they belong."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from billing.models import FeeItem
from billing.services.runs.corrections import preview_correction
from billing.services.runs.export import export_charges
from billing.services.runs.periods import close_run
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Community, Unit
from core.tables import TableRefused

from .small import Q1, Q2, issue, small_community

pytestmark = pytest.mark.django_db


def exported(community: Community, folder: Path, period: dict[str, Any]) -> list[str]:
    """Fee item and amount of each line of a period's file."""
    output = folder / "out.csv"
    days = {key: period[key] for key in ("starts_on", "ends_on")}
    export_charges(community=community, output=output, **days)
    with output.open(encoding="utf-8-sig", newline="") as file:
        return [f"{row['费目']} {row['金额']}" for row in csv.DictReader(file)]


def test_after_a_reversal_and_a_corrected_run_only_the_latter_is_written(tmp_path: Path) -> None:
    community = small_community(units=1)
    run = issue(community).run
    reverse_run(run=run, by=None, reason="wrong area")
    with pytest.raises(TableRefused):
        exported(community, tmp_path, Q1)
    Unit.objects.update(area=50)
    issue(community)
    assert exported(community, tmp_path, Q1) == ["物业服务费 352.50", "生活垃圾清运费 24.00"]


def test_a_correction_counts_where_what_it_corrects_does(tmp_path: Path) -> None:
    community = small_community(units=1)
    run = issue(community).run
    issue(community, **Q2)
    close_run(run=run)
    Unit.objects.update(area=50)
    correction = preview_correction(run=run)
    assert correction
    assert issue_previewed(run=correction, by=None).run.period.starts_on == date(2026, 4, 1)
    assert exported(community, tmp_path, Q1) == ["物业服务费 352.50", "生活垃圾清运费 24.00"]
    assert exported(community, tmp_path, Q2) == ["物业服务费 705.00", "生活垃圾清运费 24.00"]


def test_what_is_billed_afterwards_counts_by_its_own_days(tmp_path: Path) -> None:
    community = small_community(units=1)
    FeeItem.objects.filter(name="生活垃圾清运费").update(in_arrears=True)
    issue(community, **Q2)
    assert exported(community, tmp_path, Q1) == ["生活垃圾清运费 24.00"]
    assert exported(community, tmp_path, Q2) == ["物业服务费 705.00"]
