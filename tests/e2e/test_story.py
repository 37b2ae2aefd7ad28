"""The main job end to end, as the people of one community live it, in real browsers.

The office imports and bills; residents are told; one pays by phone, one at the desk; one complains
and the clock runs out; in the end the books are right. Everything runs in the stack's own
processes: this test types, clicks, reads, and looks at the rows.
"""

import csv
import io
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count
from django.utils import timezone
from playwright.sync_api import Browser, Page, Playwright, expect
from pypdf import PdfReader

from billing.models import Bill
from community.models import Community, Occupancy, Party, Role, Unit
from core.money import amount_in_words, format_yuan, plain_yuan, round_to_fen
from payments.models import Payment, PaymentOrder, ProviderEvent, Receipt
from scripts.stack import Stack
from servicedesk.models import Clock, Ticket
from tests.billing.figures import worked_out
from tests.e2e.people import PATIENCE, Town, sign_in_by_password, sign_in_by_phone
from tests.factories.community import MembershipFactory

pytestmark = pytest.mark.e2e

DATA = Path(__file__).parent.parent / "data" / "yunqi"
QUARTER = ("--from", "2026-01", "--to", "2026-03")
NEXT_QUARTER = ("--from", "2026-04", "--to", "2026-06")
PHONE = "Pixel 7"


@pytest.fixture
def town(stack: Stack, stack_db: None, browser: Browser, playwright: Playwright) -> Town:
    return Town(stack, browser, playwright)


@dataclass(frozen=True)
class Household:
    """A payer of the register and the one unit that he pays for."""

    party: Party
    unit: Unit

    @property
    def bills(self) -> list[Bill]:
        """What is open now, oldest first."""
        open_bills = Bill.objects.open().filter(account__party=self.party)
        return list(open_bills.select_related("account__unit").order_by("due_on"))


def test_a_quarter_in_the_life_of_a_community(town: Town, tmp_path: Path) -> None:
    community = the_office_imports_and_bills(town, tmp_path)
    resident, neighbour = two_payers(community)
    bill = resident.bills[0]
    clerk, manager = staff_of(community)

    the_notice_arrives(town, resident)
    phone = town.person(device=PHONE)
    a_resident_claims_his_unit(town, phone, resident)
    he_reads_his_bill(phone, bill)
    he_pays_with_wechat(town, phone, bill)
    he_opens_the_receipt(phone, bill)

    desk = town.person()
    sign_in_by_password(desk, clerk)
    bills(town, community, NEXT_QUARTER, due="2026-05-15")
    the_clerk_finds_the_unit(desk, community, neighbour)
    the_clerk_takes_cash_for_two_bills(desk, neighbour)

    ticket = the_resident_complains_about_the_bill(phone, bill)
    staff_see_the_clock(desk, ticket)
    the_clock_runs_out_and_the_manager_is_told(town, ticket, manager)
    the_manager_finds_it_by_keyboard(town, ticket, manager)
    a_reply_stops_the_clock(town, desk, phone, ticket)

    the_books_are_right(town, community)
    assert town.complaints == []


def done(town: Town, *words: str) -> dict[str, Any]:
    """The JSON that a command answered, which must have worked."""
    answer = town.command(*words, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return dict(json.loads(answer.stdout))


def the_office_imports_and_bills(town: Town, tmp_path: Path) -> Community:
    """Steps 1 and 2: the files of the office become the charges that were to be expected."""
    code = f"story-{uuid.uuid4().hex[:8]}"
    for name in (
        "register", "transfers", "vacancies", "tariffs", "readings", "shared_costs"
    ):  # fmt: skip
        done(town, f"import_{name}", str(DATA / f"{name}.csv"), "--community", code)
    community = Community.objects.get(code=code)
    assert bills(town, community, QUARTER, due="2026-02-15") > 300
    assert bills(town, community, QUARTER, due="2026-02-15") == 0

    output = tmp_path / "charges.csv"
    town.command("export_charges", "--community", code, *QUARTER, "--output", str(output))
    expected = lines_of(DATA / "expected_lines.csv")
    columns = list(expected[0])
    exported = [{name: line[name] for name in columns} for line in lines_of(output)]
    assert sorted(map(tuple, map(dict.values, exported))) == sorted(
        map(tuple, map(dict.values, expected))
    )
    return community


def bills(town: Town, community: Community, quarter: tuple[str, ...], *, due: str) -> int:
    """Bills a quarter; how many bills that added."""
    where = ("--community", community.code)
    return int(done(town, "run_billing", *where, *quarter, "--due", due)["added"])


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def two_payers(community: Community) -> list[Household]:
    """Two people with phone and mail who pay for one unit since before the quarter."""
    paying = Occupancy.objects.current().payers().filter(unit__community=community)
    reachable = paying.exclude(party__phone="").exclude(party__email="")
    alone = reachable.annotate(accounts=Count("party__accounts")).filter(accounts=1)
    found = alone.filter(starts_on=Occupancy.BEGINNING).select_related("party", "unit")
    return [Household(at.party, at.unit) for at in found.order_by("unit__sort_key")[:2]]


def staff_of(community: Community) -> tuple[str, str]:
    """User names of a clerk and a manager who can be reached by mail."""
    names = []
    for role in (Role.CLERK, Role.MANAGER):
        name = f"{role}-{community.code}"
        MembershipFactory.create(
            community=community, role=role, user__username=name, user__email=f"{name}@example.com"
        )
        names.append(name)
    return names[0], names[1]


def the_notice_arrives(town: Town, resident: Household) -> None:
    """Step 3: unit, name, amount and period, by text message and by mail."""
    bill = resident.bills[0]
    text = town.phones.wait(phone=resident.party.phone, timeout=PATIENCE)
    assert resident.unit.code in text["text"]
    assert plain_yuan(bill.amount) in text["text"]
    mail = town.mailboxes.wait(to=resident.party.email, timeout=PATIENCE)
    for told in (resident.unit.code, resident.party.name, format_yuan(bill.amount), town.address):
        assert told in mail["text"]


def a_resident_claims_his_unit(town: Town, page: Page, resident: Household) -> None:
    """Step 4: phone, code, and the unit where the register has this number."""
    sign_in_by_phone(town, page, resident.party.phone)
    at = Occupancy.objects.get(party=resident.party, unit=resident.unit)
    page.goto("/bind/")
    page.locator(f"form[action='/bind/{at.pk}/']").get_by_role("button").click()
    expect(page.locator("#messages .message")).to_be_visible()
    assert resident.party.bindings.count() == 1


def he_reads_his_bill(page: Page, bill: Bill) -> None:
    """The amount is what its lines come to, and every line's figures come to the line."""
    page.goto("/bills/")
    page.locator(f"a[href='/bills/{bill.pk}/']").click()
    expect(page.locator("[data-open]")).to_have_attribute("data-open", plain_yuan(bill.amount))
    expect(page.locator("[data-charge]")).to_have_count(bill.charges.count())
    equations = page.locator("[data-equation]").all_inner_texts()
    assert len(equations) >= bill.charges.count()
    for equation in equations:
        exact, fen = worked_out(equation)
        # A share of a common cost is its exact value, less than a fen rounded away.
        assert round_to_fen(exact) == fen or ("÷" in equation and abs(exact * 100 - fen) < 1)


def he_pays_with_wechat(town: Town, page: Page, bill: Bill) -> None:
    """On the cashier's page; nobody is paid by a forged word, nor twice by a repeated one."""
    page.locator(f"a[href='/pay/?bill={bill.pk}']").click()
    expect(page.locator(f"[name=bill][value='{bill.pk}']")).to_be_checked()
    page.locator("button[name=provider][value=wechatpay]").click()
    page.wait_for_url("**/pay/orders/*/")
    order = PaymentOrder.objects.get(lines__bill=bill)
    number = order.out_trade_no
    assert order.amount == bill.amount

    # Before anything was paid: a forged word is not heard, a genuine but wrong one not believed.
    for fault in ("forged", "altered", "wrong_key"):
        assert town.wechat.notify(number, fault)["status"] >= 400
    town.wechat.notify(number, "wrong_amount", total=1)
    town.wechat.notify(number)
    order.refresh_from_db()
    assert order.state == PaymentOrder.State.PENDING

    page.locator("a[href$='/go/']").click()
    page.locator("#pay").click()
    page.locator("a.button").click()
    expect(page.locator("a[href^='/receipts/']")).to_be_visible(timeout=PATIENCE * 1000)

    town.wechat.wait_for_callbacks(number, timeout=PATIENCE)
    for fault in ("", "replay", "late", "forged", "wrong_amount"):
        town.wechat.notify(number, fault)  # the books tell at the end what came of it
    payment = Payment.objects.get(order=order)
    assert (payment.amount, payment.method) == (bill.amount, Payment.Method.WECHAT)
    assert not Bill.objects.open().filter(pk=bill.pk).exists()


def he_opens_the_receipt(page: Page, bill: Bill) -> None:
    """Step 4 ends with the receipt as PDF: amount in figures and in words, unit, number."""
    page.locator("a[href^='/receipts/']").first.click()
    receipt = Receipt.objects.get(payment__order__lines__bill=bill)
    address = page.locator("a[href$='.pdf']").first.get_attribute("href")
    assert address == f"/receipts/{receipt.pk}.pdf"
    told = text_of_pdf(page, address)
    assert receipt.code in told
    assert bill.account.unit.code in told
    assert plain_yuan(bill.amount) in told.replace(",", "")
    assert amount_in_words(bill.amount) in told


def text_of_pdf(page: Page, address: str) -> str:
    """What a PDF says, fetched with the cookies of a page and without its line breaks."""
    answer = page.context.request.get(address)
    assert answer.ok
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.body())).pages
    return "".join("".join(each.extract_text() for each in pages).split())


def the_clerk_finds_the_unit(page: Page, community: Community, payer: Household) -> None:
    """Step 5: by code, by name, by phone, by its last four digits, without the mouse."""
    unit, party = payer.unit, payer.party
    address = f"/c/{community.code}/desk/units/{unit.pk}/"
    for words in (unit.code, party.name, party.phone, party.phone[-4:]):
        page.goto(f"/c/{community.code}/desk/")
        page.keyboard.press("/")
        page.keyboard.type(words)
        expect(page.locator(f"#found a[href='{address}']")).to_be_visible()
    page.locator(f"#found a[href='{address}']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def the_clerk_takes_cash_for_two_bills(page: Page, payer: Household) -> None:
    """One payment for both open bills, change given, receipt printed."""
    both = payer.bills
    assert len(both) == 2
    owed = sum((bill.amount for bill in both), Decimal(0))
    page.keyboard.press("F2")
    page.wait_for_url("**/collect/**")
    for bill in both:
        expect(page.locator(f"[name=bill][value='{bill.pk}']")).to_be_checked()
    expect(page.locator("[name=amount]")).to_have_value(plain_yuan(owed))
    page.locator("[name=tendered]").fill(str(int(owed) + 100))
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/*/")

    receipt = Receipt.objects.get(payment__amount=owed, community=payer.unit.community)
    told = text_of_pdf(page, f"/receipts/{receipt.pk}.pdf")
    assert payer.unit.code in told
    assert amount_in_words(owed) in told
    assert payer.bills == []


def the_resident_complains_about_the_bill(page: Page, bill: Bill) -> Ticket:
    """Step 6 begins: the complaint carries the bill, and says by when we answer."""
    page.goto(f"/bills/{bill.pk}/")
    page.locator("a[href*='kind=complaint']").click()
    expect(page.locator(f"[data-bill='{bill.pk}']")).to_be_visible()
    expect(page.locator("[name=kind][value=complaint]")).to_be_checked()
    page.locator("[name=body]").fill("电梯停了一周,为什么还收电梯费?")
    page.locator("form", has=page.locator("[name=body]")).get_by_role("button").click()
    expect(page.locator("[data-clock=first_response] time[data-due]")).to_be_visible()
    return Ticket.objects.get(bill=bill)


def staff_see_the_clock(page: Page, ticket: Ticket) -> None:
    page.goto(f"/c/{ticket.community.code}/desk/tickets/")
    row = page.locator(f"tr[data-ticket='{ticket.pk}']")
    expect(row.locator("time[data-due]")).to_be_visible()
    expect(row.locator(".clock")).to_have_attribute("data-state", "calm")


def the_clock_runs_out_and_the_manager_is_told(town: Town, ticket: Ticket, manager: str) -> None:
    """The due time is moved into the past; the beat of the running portal does the rest."""
    mailbox = f"{manager}@example.com"
    before = town.last_mail(mailbox)
    due = timezone.now() - timezone.timedelta(minutes=1)
    Ticket.objects.filter(pk=ticket.pk).update(first_response_due_at=due)
    mail = town.mailboxes.wait(to=mailbox, after=before, timeout=PATIENCE)
    assert str(ticket.pk) in mail["subject"] + mail["text"]
    breach = ticket.breaches.get()
    assert (breach.clock, breach.due_at) == (Clock.FIRST_RESPONSE, due)


def the_manager_finds_it_by_keyboard(town: Town, ticket: Ticket, manager: str) -> None:
    page = town.person()
    sign_in_by_password(page, manager)
    page.goto(f"/c/{ticket.community.code}/desk/tickets/?breached=on")
    expect(page.locator("[data-breached='1']")).to_be_visible()
    expect(page.locator(f"tr.over[data-ticket='{ticket.pk}']")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/tickets/{ticket.pk}/?breached=on")


def a_reply_stops_the_clock(town: Town, desk: Page, phone: Page, ticket: Ticket) -> None:
    """The clerk answers; the breach stays on record, and the resident reads the answer."""
    assert ticket.reporter
    before = town.last_sms(ticket.reporter.phone)
    desk.goto(f"/c/{ticket.community.code}/desk/tickets/{ticket.pk}/")
    expect(desk.locator("[data-clock=first_response] time[data-due]")).to_be_visible()
    answer = "您好,电梯停运的一周已从电梯费中核减。"
    reply = desk.locator("form", has=desk.locator("button[value=reply]"))
    reply.locator("[name=body]").fill(answer)
    reply.locator("button[value=reply]").click()
    expect(desk.locator("[data-clock=first_response] time[data-due]")).to_have_count(0)

    ticket.refresh_from_db()
    assert ticket.first_responded_at
    assert ticket.breaches.count() == 1
    town.phones.wait(phone=ticket.reporter.phone, after=before, timeout=PATIENCE)
    phone.goto(f"/service/{ticket.pk}/")
    expect(phone.get_by_text(answer)).to_be_visible()
    expect(phone.locator("[data-clock=resolution]")).to_be_visible()


def the_books_are_right(town: Town, community: Community) -> None:
    """Step 7, on what the story left behind."""
    assert not ProviderEvent.objects.filter(state=ProviderEvent.State.RECEIVED).exists()
    assert Payment.objects.filter(community=community).count() == 2
    answer = town.command("verify_books", "--community", community.code, "--json")
    assert answer.returncode == 0, answer.stdout
