"""Proposals decided as the office decides them."""

from datetime import date, timedelta

from billing.models import TariffProposal
from billing.services.standards import proposals
from community.models import today
from tests.billing.test_tariff_versions import somebody


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


def adopt(proposal: TariffProposal) -> TariffProposal:
    return proposals.adopt(proposal=proposal, by=somebody(), reasons="业主大会通过")


def withdraw(proposal: TariffProposal, seen: str | None = None) -> TariffProposal:
    return proposals.withdraw(
        proposal=proposal, by=somebody(), reasons="异议较多", seen=seen or proposal.state
    )
