"""From the office's files to issued charges: both sample communities, line for line, to the fen."""

import csv

import pytest
from django.core.management import call_command

from billing.models import Account, Bill, Charge

from .plain_files import DATA, rows
from .sample_communities import FILES, QUARTER, command, import_community, run_billing

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("code", ["yunqi", "hetang"])
def test_issued_charges_are_the_expected_lines(code, tmp_path):
    import_community(code)
    preview = run_billing(code, "--preview")
    assert (preview["state"], preview["added"], Charge.objects.count()) == ("previewed", 0, 0)

    issued = run_billing(code)
    output = tmp_path / "charges.csv"
    call_command("export_charges", "--community", code, *QUARTER, "--output", str(output))

    with output.open(encoding="utf-8", newline="") as stream:
        exported = list(csv.DictReader(stream))
    expected = rows(code, "expected_lines")
    lines = [tuple(row[column] for column in expected[0]) for row in exported]
    assert sorted(lines) == sorted(tuple(row.values()) for row in expected)
    exceptions = [{"房屋": e["unit"], "费目": e["item"]} for e in issued["exceptions"]]
    assert exceptions == rows(code, "expected_exceptions")
    assert preview["amount"] == issued["amount"]
    assert preview["exceptions"] == issued["exceptions"]


def test_issuing_again_adds_nothing():
    import_community("hetang")
    first = run_billing("hetang")
    counted = [model.objects.count() for model in (Account, Bill, Charge)]
    again = run_billing("hetang")
    assert [model.objects.count() for model in (Account, Bill, Charge)] == counted
    assert (first["added"], again["added"]) == (317, 0)
    assert again == {**first, "added": 0}


@pytest.mark.parametrize("code", ["yunqi", "hetang"])
def test_the_same_files_twice_change_nothing(code):
    import_community(code)
    for name in FILES:
        path = str(DATA / code / f"{name}.csv")
        answer = command(f"import_{name}", path, "--community", code)
        assert answer["unchanged"] == answer["rows"] == len(rows(code, name))
        assert answer["created"] == answer["updated"] == 0


def test_bills_are_the_sums_of_their_lines():
    import_community("yunqi")
    run_billing("yunqi")
    for bill in Bill.objects.prefetch_related("charges"):
        assert bill.amount == sum(charge.amount for charge in bill.charges.all())
