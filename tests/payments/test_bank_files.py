"""Statement files of four banks: read whole or refused whole, each line once."""

import datetime
import json
from decimal import Decimal
from io import BytesIO, StringIO

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from core import tables
from core.encryption import decrypt
from payments.banks import PROFILES, read_statement
from payments.models import BankLine, BankStatement
from payments.services.channels.bank_statements import import_statement
from tests.factories.community import CommunityFactory
from tests.factories.settlement import ALIPAY, TENPAY, statement

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 1, 5)

CCB = statement((DAY, "1435.05", "柴倩"))
ICBC = [
    [
        "对方单位名称",
        "对方账号",
        "贷方发生额",
        "借方发生额",
        "交易时间",
        "摘要",
        "用途",
        "交易流水号",
    ],
    [" 柴倩\t", "6217", "1435.05", "", "2026-01-05 08:30:00", "网银转账", "3-1-502", "I1"],
]
BOC = [
    ["交易明细查询"],
    ["账号：104000000", "", "起止日期：20260101-20260131"],
    [
        *("交易类型[ Transaction Type ]", "付款人名称[ Payer's Name ]", "付款人账号", "交易金额"),
        *("交易日期[ Transaction Date ]", "交易时间", "用途", "交易附言", "交易流水号"),
    ],
    ["来账", "柴倩", "6217", "1,435.05", "20260105", "08:30:00", "3-1-502", "", "B1"],
    ["往账", "某某公司", "6218", "35.00", "20260105", "08:31:00", "", "账户管理费", "B2"],
]
CMB = """# 招商银行交易记录
# 账号: [6225****]

记账日期,货币,交易金额,联机余额,交易摘要,对手信息,客户摘要,流水号
2026-01-05,CNY,"1,435.05","1,001,182.04",转账汇款,柴倩 6217517771917623,3-1-502,C1
2026-01-05,CNY,-35.00,"1,001,147.04",转账汇款,6217786346341513,账户管理费,C2
# 合计,2
"""


def workbook(rows):
    book, out = openpyxl.Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def read(content, profile="auto"):
    return read_statement(content, profiles=list(PROFILES.values()), profile=profile)


@pytest.fixture
def community():
    return CommunityFactory()


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("bank", "content"),
    [
        ("ccb", CCB),
        ("icbc", workbook(ICBC)),
        ("boc", workbook(BOC)),
        ("cmb", CMB.encode("utf-8-sig")),
        ("cmb", CMB.encode()),
        ("cmb", CMB.encode("gb18030")),
    ],
)
def test_each_bank_is_known_by_its_headers(bank, content):
    file = read(content)
    first, *rest = file.entries
    assert file.profile == bank
    assert (first.booked_on, first.amount, first.name) == (DAY, Decimal("1435.05"), "柴倩")
    assert all(entry.amount == Decimal("-35.00") for entry in rest)
    assert read(content, profile=bank) == file
    with pytest.raises(tables.TableRefused):
        read(content, profile="icbc" if bank != "icbc" else "ccb")


def test_all_that_is_bad_is_named_at_once_and_nothing_is_written(community):
    text = CMB.replace('"1,435.05"', "about 3").replace("2026-01-05,CNY,-35", "05.01.26,CNY,-35")
    with pytest.raises(tables.TableRefused) as refusal:
        import_statement(source=text.encode(), community=community)
    assert [(one.row, one.column) for one in refusal.value.problems] == [
        (5, "交易金额"),
        (6, "记账日期"),
    ]
    assert not BankStatement.objects.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n", "no row has the headers"),
        (statement(), "no lines"),
        (CMB.replace("-35.00", "-35.005").encode(), "amount"),
        (CMB.replace("C2", "C1").encode(), "another amount or day"),
        (CMB.replace("账户管理费,C2", "账户管理费,C2,x").encode(), "more cells"),
        (workbook([*BOC[:3], ["冲正", *BOC[3][1:]]]), "来账"),
    ],
)
def test_what_cannot_be_true_is_refused(community, content, why):
    with pytest.raises(tables.TableRefused, match=why):
        import_statement(source=content, community=community)


def test_the_same_file_and_the_same_line_again_change_nothing(community):
    first = import_statement(source=CMB.encode(), community=community)
    again = import_statement(source=CMB.encode(), community=community)
    assert (again.statement, again.new, again.known) == (first.statement, 0, 2)
    more = CMB.replace("# 合计", "2026-01-06,CNY,9.00,,转账,王 6217000011112222,x,C3\n# 合计")
    longer = import_statement(source=more.encode(), community=community)
    assert (longer.new, longer.known, BankLine.objects.count()) == (1, 2, 3)
    other = import_statement(source=CMB.encode(), community=CommunityFactory())
    assert other.new == 2


def test_a_known_number_with_another_amount_is_for_a_person(community):
    import_statement(source=CMB.encode(), community=community)
    with pytest.raises(tables.TableRefused, match=r"is on record with ¥-35\.00"):
        import_statement(source=CMB.replace("-35.00", "-36.00").encode(), community=community)
    assert BankLine.objects.count() == 2


def test_two_equal_transfers_without_a_number_stay_two(community):
    line = "2026-01-06,CNY,9.00,,转账,王 6217000011112222,x,\n"
    text = CMB.replace("# 合计", f"{line}{line}# 合计").encode()
    assert import_statement(source=text, community=community).new == 4
    longer = text + b"2026-01-07,CNY,9.00,,x,y,z,\n"
    assert import_statement(source=longer, community=community).new == 1


def test_what_a_line_is_taken_for_and_that_accounts_are_sealed(community):
    lines = [
        (DAY, "5.00", TENPAY),
        (DAY, "6.00", ALIPAY),
        (DAY, "7.00", "柴倩"),
        (DAY, "-8.00", TENPAY),
    ]
    taken = import_statement(source=statement(*lines), community=community)
    found = list(taken.statement.lines.values_list("use", "provider"))
    assert found == [
        ("channel", "wechatpay"),
        ("channel", "alipay"),
        ("payer", ""),
        ("ignored", ""),
    ]
    sealed = BankLine.objects.first().account
    assert "6217" not in sealed
    assert decrypt(sealed) == "6217000000000000"


def test_interest_is_nobodys_payment(community):
    text = CMB.replace("柴倩 6217517771917623,3-1-502", "6217517771917623,结息")
    taken = import_statement(source=text.encode(), community=community)
    assert set(taken.statement.lines.values_list("use", flat=True)) == {"ignored"}


def test_the_command_says_what_it_did(community, tmp_path):
    path = tmp_path / "statement.csv"
    path.write_bytes(statement((DAY, "5.00", TENPAY), (DAY, "7.00", "柴倩")))

    def run(**more):
        out = StringIO()
        call_command(
            "import_statement", path, community=community.code, json=True, stdout=out, **more
        )
        return json.loads(out.getvalue())

    answer = run()
    assert (answer["status"], answer["created"], answer["payers"]) == ("done", 2, 1)
    assert (answer["payouts"], answer["payouts_settled"], answer["payouts_waiting"]) == (1, 0, 1)
    again = run(profile="ccb")
    assert (again["statement"], again["created"], again["known"]) == (answer["statement"], 0, 2)
    assert BankStatement.objects.get().name == "statement.csv"
    path.write_bytes(b"a,b\n")
    with pytest.raises(CommandError, match="headers"):
        run()
