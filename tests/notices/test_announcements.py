"""Single notices: who is told of what, once, and in which words."""

import datetime
import json
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone, translation

from community.models import BindingRequest, Membership, Role
from community.signals import binding_decided
from core.money import format_yuan
from notices import content
from notices.models import Delivery, Notice
from notices.services.deliver import deliver
from notices.services.states import State
from payments.models import OrderLook, Payment, PaymentOrder
from payments.signals import payment_needs_attention, payment_received
from payments.unsettled.reasons import meaning_of
from servicedesk.models import Ticket, TicketBreach, TicketKind, TicketMessage
from servicedesk.signals import ticket_breached, ticket_replied
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    CommunityFactory,
    MembershipFactory,
    PartyFactory,
    UnitFactory,
    UserFactory,
)
from tests.factories.payments import make_deposit, make_order, make_payment
from tests.fixtures.simulators import MailboxSimulator, SmsSimulator
from tests.notices.test_fee_texts import TEMPLATES

pytestmark = pytest.mark.django_db


def make_ticket(**fields: Any) -> Ticket:
    now = timezone.now()
    return Ticket.objects.create(
        **{
            "community": fields.get("community") or CommunityFactory.create(),
            "kind": TicketKind.COMPLAINT,
            "subject": "电梯又停了 & 没人管",
            "body": "三天了",
            "form_token": uuid.uuid4(),
            "first_response_due_at": now,
            "resolution_due_at": now + datetime.timedelta(days=3),
            **fields,
        }
    )


def reply(ticket: Ticket, **fields: Any) -> TicketMessage:
    message = TicketMessage.objects.create(
        **{"ticket": ticket, "from_staff": True, "body": "维修工今天下午到 <三号楼>", **fields}
    )
    ticket_replied.send(sender=Ticket, ticket=ticket, message=message)
    return message


def addresses() -> list[tuple[str, str]]:
    return sorted(Delivery.objects.values_list("channel", "address"))


def deliver_all() -> None:
    for delivery in Delivery.objects.outgoing():
        assert deliver(delivery_id=delivery.pk) == State.SENT


def test_receipt_goes_to_the_payer(sms: SmsSimulator, mailbox: MailboxSimulator) -> None:
    party = PartyFactory.create(email="payer@example.com", name="王小明")
    bill = make_bill("302.12", party=party)
    payment = make_payment(bill)
    notice = Notice.objects.get(kind=Notice.Kind.RECEIPT)
    assert notice.party == party
    assert addresses() == [("email", "payer@example.com"), ("sms", party.phone)]
    deliver_all()
    [message] = sms.messages()
    code = payment.receipt.code
    for part in ("王小明", bill.account.unit.code, "302.12", code):
        assert part in message["text"]
    [mail] = mailbox.messages()
    for part in ("¥302.12", code, bill.account.unit.code):
        assert part in mail["text"]
        assert part in mail["html"]


def test_receipt_of_two_payers_goes_to_each() -> None:
    community = CommunityFactory.create()
    bills = [make_bill(party=PartyFactory.create(community=community)) for _payer in range(2)]
    make_payment(*bills)
    assert Notice.objects.filter(kind=Notice.Kind.RECEIPT).count() == 2


def test_receipt_told_twice_is_sent_once() -> None:
    payment = make_payment(make_bill())
    payment_received.send(sender=Payment, payment=payment)
    assert Notice.objects.count() == 1


def test_reply_reaches_the_reporter(sms: SmsSimulator, mailbox: MailboxSimulator) -> None:
    reporter = UserFactory.create(email="reporter@example.com")
    ticket = make_ticket(reporter=reporter)
    message = reply(ticket)
    ticket_replied.send(sender=Ticket, ticket=ticket, message=message)
    assert addresses() == [("email", "reporter@example.com"), ("sms", reporter.phone)]
    deliver_all()
    [sent] = sms.messages()
    assert str(ticket.pk) in sent["text"]
    assert "维修工" not in sent["text"], "what is said stays between the office and who signs in"
    [mail] = mailbox.messages()
    assert "维修工今天下午到 <三号楼>" in mail["text"]
    assert "&lt;三号楼&gt;" in mail["html"]
    assert "电梯又停了 & 没人管" in mail["subject"]


def test_reply_to_somebody_who_came_to_the_desk() -> None:
    reply(make_ticket(contact_name="李四", contact_phone="13900000002"))
    assert addresses() == [("sms", "13900000002")]


@pytest.mark.parametrize("fields", [{"is_internal": True}, {"from_staff": False}])
def test_notes_and_the_residents_own_words_are_not_sent(fields: dict[str, bool]) -> None:
    reply(make_ticket(contact_phone="13900000002"), **fields)
    assert not Notice.objects.exists()


def test_breach_reaches_every_manager_of_the_community(
    sms: SmsSimulator, mailbox: MailboxSimulator
) -> None:
    community = CommunityFactory.create()
    for role in Role:
        member = MembershipFactory.create(community=community, role=role).user
        member.phone, member.email = f"1370000000{len(role)}", f"{role}@example.com"
        member.save()
    gone = MembershipFactory.create(community=community, role=Role.MANAGER, is_active=False)
    gone.user.phone = "13700000099"
    gone.user.save()
    MembershipFactory.create(role=Role.MANAGER)
    ticket = make_ticket(community=community)
    breach = TicketBreach.objects.create(
        ticket=ticket, clock="first_response", due_at=ticket.first_response_due_at
    )
    for _told in range(2):
        ticket_breached.send(sender=Ticket, ticket=ticket, breach=breach)
    manager = Membership.objects.get(community=community, role=Role.MANAGER, is_active=True).user
    assert addresses() == [("email", manager.email), ("sms", manager.phone)]
    deliver_all()
    assert str(ticket.pk) in sms.messages()[0]["text"]
    assert ticket.subject in mailbox.messages()[0]["text"]


@pytest.mark.parametrize("state", [BindingRequest.State.APPROVED, BindingRequest.State.REJECTED])
def test_decision_of_the_office_reaches_the_claimant(state: str, sms: SmsSimulator) -> None:
    unit = UnitFactory.create()
    request = BindingRequest.objects.create(
        user=UserFactory.create(),
        unit=unit,
        claimed_name="王小明",
        state=state,
        party=PartyFactory.create(community=unit.community),
        decided_by=UserFactory.create(),
    )
    for _told in range(2):
        binding_decided.send(sender=BindingRequest, binding_request=request)
    assert addresses() == [("sms", request.user.phone)]
    deliver_all()
    assert unit.code in sms.messages()[0]["text"]


def test_claim_that_the_register_answers_at_once_needs_no_message() -> None:
    unit = UnitFactory.create()
    request = BindingRequest.objects.create(
        user=UserFactory.create(),
        unit=unit,
        claimed_name="王小明",
        state=BindingRequest.State.APPROVED,
        party=PartyFactory.create(community=unit.community),
    )
    binding_decided.send(sender=BindingRequest, binding_request=request)
    assert not Notice.objects.exists()


def test_money_that_does_not_fit_reaches_those_who_keep_the_books(sms: SmsSimulator) -> None:
    order = make_order(make_bill())
    staff = {
        role: MembershipFactory.create(community=order.community, role=role).user for role in Role
    }
    for number, user in enumerate(staff.values()):
        user.phone = f"1370000000{number}"
        user.save()
    MembershipFactory.create(role=Role.MANAGER)
    for reason in ("amount differs", "amount differs", "paid after it was closed"):
        payment_needs_attention.send(sender=PaymentOrder, order=order, reason=reason)
    payment_needs_attention.send(sender=PaymentOrder, order=None, reason="unknown order")
    told = Notice.objects.filter(kind=Notice.Kind.PAYMENT_ALERT)
    assert sorted(told.values_list("user", "context__reason")) == sorted(
        (staff[role].pk, reason)
        for role in (Role.ACCOUNTANT, Role.MANAGER)
        for reason in ("amount differs", "paid after it was closed")
    )
    for reason in ("10.00 yuan were paid, 1 asked", "it says paid, 20.00 yuan; asked 1"):
        payment_needs_attention.send(sender=PaymentOrder, order=order, reason=reason)
    assert told.count() == 2 * 3, "the same kind is told once"
    OrderLook.objects.create(
        order=order, by=staff[Role.MANAGER], words="已核对", seen_at=timezone.now()
    )
    for reason in ("30.00 yuan were paid, 1 asked", "it says paid, 40.00 yuan; asked 1"):
        payment_needs_attention.send(sender=PaymentOrder, order=order, reason=reason)
    assert told.count() == 2 * 4, "somebody had looked: it came up again"
    deliver_all()
    unit = order.lines.get().bill.account.unit.code
    with translation.override(settings.LANGUAGE_CODE):
        brief = str(meaning_of("paid after it was closed", order).brief)
        texts = [message["text"] for message in sms.messages()]
        assert any(brief in text for text in texts)
    for part in (order.out_trade_no, unit, f"{order.amount}"):
        assert all(part in text for text in texts), part
    shown = content.payment_alert.context(told.order_by("pk")[0])
    for part in ("subject.txt", "txt", "html"):
        text = get_template(f"notices/messages/payment_alert.{part}").render(shown)
        assert unit in text
        assert format_yuan(order.amount) in text


def test_every_kind_has_its_words() -> None:
    """A kind without a template would be found out only when the first one is sent."""
    approved = json.loads(TEMPLATES.read_text())["templates"]  # of the simulated provider
    for kind in Notice.Kind:
        for part in ("subject.txt", "txt", "html"):
            get_template(f"notices/messages/{kind}.{part}")
        assert kind in content._KINDS
        assert kind in settings.SMS_TEMPLATES
        assert settings.SMS_TEMPLATES[kind] in approved


def test_the_receipt_of_a_deposit_goes_to_whose_it_is() -> None:
    account = AccountFactory.create()
    deposit = make_deposit(account)
    notice = Notice.objects.get(kind=Notice.Kind.RECEIPT)
    assert notice.party == account.party
    context = content.receipt.context(notice)
    assert context["unit_codes"] == [account.unit.code]
    assert context["receipt"] == deposit.payment.receipt
