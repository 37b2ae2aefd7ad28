"""A new fee standard in public: written, opened for comments, answered, decided.

The edges of `TariffProposal.TRANSITIONS` are `publish`, `adopt` and `withdraw`. Each locks the
community (as bill runs do) and the proposal, and returns quietly when the work is already done.
"""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.models import BillingSettings, ProposalComment, Tariff, TariffProposal, TariffUnit
from billing.services.standards.tariff_terms import (
    TariffRefused,
    Terms,
    check_units,
    name_units,
    paid_already,
    same_scope,
    span_of,
)
from billing.services.standards.tariff_versions import is_billed, write_version
from billing.signals import proposal_published
from community.models import Community, Unit, User, today
from community.services.imports import lock

State = TariffProposal.State
TERMS = (
    "unit_kind",
    "building",
    "method",
    "price",
    "tiers",
    "vacancy_factor",
    "rounding",
    "starts_on",
    "service_standard",
    "legal_basis",
    "pricing_form",
)


class ProposalRefused(TariffRefused):
    """A step that this proposal cannot take; the message says why."""


@transaction.atomic
def save_draft(
    *,
    community: Community,
    terms: Terms,
    title: str,
    explanation: str,
    by: User,
    form_token: UUID,
    proposal: TariffProposal | None = None,
) -> TariffProposal:
    """Write a draft, or rewrite one; what is published is not edited any more.

    The same `form_token` again returns the draft that it wrote. Raises TariffRefused.
    """
    check_units(community=community, terms=terms)
    lock(community)
    if proposal is None:
        written = TariffProposal.objects.filter(community=community, form_token=form_token).first()
        if written:
            return written
        proposal = TariffProposal(community=community, created_by=by, form_token=form_token)
    else:
        proposal = _lock(proposal)
        if proposal.state != State.DRAFT:
            raise ProposalRefused(_("It is published: withdraw it and propose anew."))
    proposal.title, proposal.explanation = title, explanation
    proposal.fee_item_name = terms.item
    for name in TERMS:
        setattr(proposal, name, getattr(terms, name))
    proposal.save()
    proposal.units.set(terms.units)
    return proposal


@transaction.atomic
def publish(*, proposal: TariffProposal) -> TariffProposal:
    """draft → open: residents read it and comment for the community's number of days.

    Raises ProposalRefused where it would take effect before their time is over, and where a later
    version is in its way.
    """
    proposal = _lock(proposal)
    if not _is_to_move(proposal, State.OPEN):
        return proposal
    days = BillingSettings.of(proposal.community).proposal_days
    until = today() + timedelta(days=days)
    if proposal.starts_on <= until:
        raise ProposalRefused(
            _("Residents have %(days)s days to comment, so it can take effect on %(day)s at first.")
            % {"days": days, "day": date_format(until + timedelta(days=1))}
        )
    check_units(community=proposal.community, terms=Terms.of(proposal))
    superseded_by(proposal)
    proposal.published_at, proposal.comments_until = timezone.now(), until
    _move(proposal, State.OPEN)
    proposal_published.send(TariffProposal, proposal=proposal)
    return proposal


@transaction.atomic
def comment(
    *, proposal: TariffProposal, by: User, unit: Unit, text: str, form_token: UUID
) -> ProposalComment:
    """What a resident of a unit says, for all to read. The same `form_token` again says it once.

    Raises ProposalRefused when the time is over, or the unit is not his or elsewhere.
    """
    # Comments must not wait for each other's community: the proposal alone is enough.
    proposal = TariffProposal.objects.select_for_update().get(pk=proposal.pk)
    said = ProposalComment.objects.filter(proposal=proposal, author=by, form_token=form_token)
    if found := said.first():
        return found
    if not takes_comments(proposal):
        raise ProposalRefused(_("The time for comments is over."))
    lives_in = Unit.objects.of_resident(by).filter(community=proposal.community_id)
    if not lives_in.filter(pk=unit.pk).exists():
        raise ProposalRefused(_("Only residents of the community comment, for a unit of theirs."))
    return ProposalComment.objects.create(
        proposal=proposal, author=by, unit=unit, text=text, form_token=form_token
    )


@transaction.atomic
def answer(*, comment: ProposalComment, by: User, text: str) -> ProposalComment:
    """The office's public answer to a comment; written again, it replaces the last.

    Raises ProposalRefused once the proposal is decided: then it is history.
    """
    proposal = TariffProposal.objects.select_for_update().get(pk=comment.proposal_id)
    comment = ProposalComment.objects.select_for_update().get(pk=comment.pk)
    if comment.answer == text:
        return comment
    if proposal.state != State.OPEN:
        raise ProposalRefused(_("It is decided already."))
    comment.answer, comment.answered_by, comment.answered_at = text, by, timezone.now()
    comment.save(update_fields=["answer", "answered_by", "answered_at"])
    return comment


@transaction.atomic
def adopt(*, proposal: TariffProposal, by: User, reasons: str) -> TariffProposal:
    """open → adopted: it becomes a version at once, and the one before it gets its last day.

    Raises ProposalRefused before the comments' end, when its date has come, without reasons, and
    where a later version is in its way.
    """
    proposal = _lock(proposal)
    if not _is_to_move(proposal, State.ADOPTED, reasons):
        return proposal
    until = proposal.comments_until
    if until is not None and until >= today():
        raise ProposalRefused(
            _("Residents may comment until %(day)s; it is decided after that.")
            % {"day": date_format(until)}
        )
    if proposal.starts_on <= today():
        raise ProposalRefused(_("Its date has come. Withdraw it and propose a later one."))
    terms = Terms.of(proposal)
    check_units(community=proposal.community, terms=terms)
    before = superseded_by(proposal)
    proposal.superseded = {
        str(tariff.pk): tariff.ends_on.isoformat() if tariff.ends_on else None for tariff in before
    }
    for tariff in before:
        tariff.ends_on = terms.starts_on - timedelta(days=1)
        tariff.save(update_fields=["ends_on"])
    proposal.tariff = write_version(community=proposal.community, terms=terms, by=by)
    _decide(proposal, State.ADOPTED, by, reasons)
    return proposal


@transaction.atomic
def withdraw(*, proposal: TariffProposal, by: User, reasons: str, seen: str) -> TariffProposal:
    """→ withdrawn. An adopted one only until it takes effect, and if nothing was billed by it.

    `seen` is the state in which whoever withdraws it saw it: if a colleague adopted it meanwhile,
    ProposalRefused tells him so. The version before goes on as if nothing had been.
    """
    proposal = _lock(proposal)
    if not _is_to_move(proposal, State.WITHDRAWN, reasons):
        return proposal
    if proposal.state != seen:
        raise ProposalRefused(
            _("Meanwhile it is %(state)s. Please look again.")
            % {"state": proposal.get_state_display()}
        )
    if proposal.state == State.ADOPTED:
        _take_back(proposal)
    _decide(proposal, State.WITHDRAWN, by, reasons)
    return proposal


def takes_comments(proposal: TariffProposal) -> bool:
    """Whether residents may comment today."""
    until = proposal.comments_until
    return proposal.state == State.OPEN and until is not None and today() <= until


def charged_before(proposal: TariffProposal) -> list[Tariff]:
    """What the units pay by on the day before a proposal takes effect; none for a new fee."""
    eve = proposal.starts_on - timedelta(days=1)
    terms = replace(Terms.of(proposal), starts_on=eve)
    same = list(same_scope(proposal.community, terms, until=eve))
    return same or list(paid_already(proposal.community, terms, until=eve))


def superseded_by(proposal: TariffProposal) -> list[Tariff]:
    """The versions that end where a proposal begins.

    ProposalRefused where it cannot follow them: a later version is there already, or one of them
    holds for other hand-picked units too.
    """
    terms = Terms.of(proposal)
    before = list(same_scope(proposal.community, terms))
    for tariff in before:
        if tariff.starts_on >= terms.starts_on:
            raise ProposalRefused(
                _("Another version holds %(span)s already. End or withdraw that one first.")
                % {"span": span_of(tariff)}
            )
    if terms.units:
        others = TariffUnit.objects.filter(tariff__in=before).exclude(unit__in=terms.units)
        if left := [each.unit for each in others.select_related("unit")]:
            raise ProposalRefused(
                _("The hand-picking standard before it also holds for %(units)s: name them too.")
                % {"units": name_units(left)}
            )
    return before


def _take_back(proposal: TariffProposal) -> None:
    tariff = proposal.tariff
    if tariff is None or tariff.starts_on <= today():
        raise ProposalRefused(_("It has taken effect. A change starts as a proposal."))
    if is_billed(tariff):
        raise ProposalRefused(_("Bills were issued by it already."))
    followers = TariffProposal.objects.filter(
        state=State.ADOPTED, superseded__has_key=str(tariff.pk)
    )
    if followers.exists():
        raise ProposalRefused(_("Another version follows it. Withdraw that one first."))
    eve = tariff.starts_on - timedelta(days=1)
    superseded, proposal.superseded, proposal.tariff = proposal.superseded, {}, None
    proposal.save(update_fields=["tariff", "superseded"])
    tariff.delete()
    for pk, ended in superseded.items():
        # Whoever gave it an earlier last day since meant that.
        Tariff.objects.filter(pk=pk, ends_on=eve).update(
            ends_on=date.fromisoformat(ended) if ended else None
        )


def _lock(proposal: TariffProposal) -> TariffProposal:
    lock(proposal.community)
    found: TariffProposal = (
        TariffProposal.objects.select_for_update(of=("self",))
        .select_related("community", "building", "tariff__fee_item")
        .get(pk=proposal.pk)
    )
    return found


def _is_to_move(proposal: TariffProposal, to: State, reasons: str | None = None) -> bool:
    """Whether there is something to do; ProposalRefused if there is no way there."""
    if proposal.state == to:
        return False
    if to not in TariffProposal.TRANSITIONS[State(proposal.state)]:
        raise ProposalRefused(
            _("It is %(state)s, so it cannot do that.") % {"state": proposal.get_state_display()}
        )
    if reasons is not None and not reasons.strip():
        raise ProposalRefused(_("Please write down why."))
    return True


def _decide(proposal: TariffProposal, to: State, by: User, reasons: str) -> None:
    proposal.decided_at, proposal.decided_by, proposal.decision = timezone.now(), by, reasons
    _move(proposal, to)


def _move(proposal: TariffProposal, to: State) -> None:
    proposal.state = to
    proposal.save()
