"""Forms of the service desk. They check and translate; services do."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models import Community, Membership, Unit, User
from core.forms import LocalDateTimeInput, OnceForm
from servicedesk.models import Ticket, TicketKind

END_OF_WORK = 17  # o'clock


def tomorrow_evening() -> datetime:
    """The answer that is promised most: by the end of the next day's work."""
    return (timezone.localtime() + timedelta(days=1)).replace(
        hour=END_OF_WORK, minute=0, second=0, microsecond=0
    )


def _text(label: Any, rows: int = 4, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=4000, widget=forms.Textarea(attrs={"rows": rows}), **more
    )


class NewTicketForm(OnceForm):
    """A resident asks, complains, suggests or reports a repair."""

    kind = forms.ChoiceField(label=_("What is it?"), choices=TicketKind, widget=forms.RadioSelect)
    unit = forms.ModelChoiceField(label=_("Which unit?"), queryset=Unit.objects.none())
    subject = forms.CharField(label=_("In a few words"), max_length=100)
    body = _text(_("What happened?"), rows=6)

    def __init__(self, *args: Any, units: QuerySet[Unit], about_bill: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if about_bill:
            del self.fields["unit"]
            return
        choice = self.fields["unit"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = units
        choice.empty_label = None if len(units) == 1 else _("Please choose")


class WordsForm(OnceForm):
    """Something to say: a reply, a note, what the reporter adds."""

    body = _text(_("Message"))


class ReplyForm(WordsForm):
    body = _text(_("Reply to the resident"))


class NoteForm(WordsForm):
    body = _text(_("Internal note"), rows=2)


class ReopenForm(WordsForm):
    body = _text(_("What is still not right?"), rows=3)


class EmptyForm(OnceForm):
    """A press of a button and nothing else."""


class PromiseForm(OnceForm):
    until = forms.DateTimeField(
        label=_("We answer by"), widget=LocalDateTimeInput, initial=tomorrow_evening
    )


class AssignForm(OnceForm):
    assignee = forms.ModelChoiceField(
        label=_("Who has it"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("nobody yet"),
    )

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["assignee"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = colleagues(community)


class ResolveForm(OnceForm):
    """What came of it, in words for the resident."""

    finding = forms.ChoiceField(
        label=_("What we found"),
        choices=[
            (Ticket.Finding.OUR_FAULT, _("Our fault: below is what we put right")),
            (Ticket.Finding.MISUNDERSTANDING, _("A misunderstanding: below is what we explained")),
        ],
        widget=forms.RadioSelect,
    )
    body = _text(_("What we tell the resident"))

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != TicketKind.COMPLAINT:
            del self.fields["finding"]


class TakeDownForm(OnceForm):
    """Somebody stands at the desk: where, what kind, what happened; the rest can stay empty."""

    unit = forms.CharField(
        label=_("Unit"),
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autofocus": True, "placeholder": "3-1-1502"}
        ),
    )
    kind = forms.ChoiceField(label=_("What is it?"), choices=TicketKind, widget=forms.RadioSelect)
    body = _text(_("What happened?"))
    contact_name = forms.CharField(label=_("Name"), required=False, max_length=100)
    contact_phone = forms.CharField(
        label=_("Phone"), required=False, max_length=20, widget=forms.TextInput({"type": "tel"})
    )
    until = forms.DateTimeField(
        label=_("We answer by"),
        required=False,
        widget=LocalDateTimeInput,
        initial=tomorrow_evening,
    )

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.community = community

    def clean_unit(self) -> Unit | None:
        code = self.cleaned_data["unit"]
        if not code:
            return None
        unit = Unit.objects.filter(community=self.community, code__iexact=code).first()
        if unit is None:
            raise ValidationError(_("There is no unit “%(code)s”."), params={"code": code})
        return unit


class QueueFilter(forms.Form):
    """What of the queue is shown. It lives in the address, so it can be kept and sent on."""

    OPEN, ALL = "open", "all"

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[(OPEN, _("open")), *Ticket.State.choices, (ALL, _("all"))],
    )
    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("all kinds")), *TicketKind.choices]
    )
    mine = forms.BooleanField(label=_("Only mine"), required=False)
    breached = forms.BooleanField(label=_("Only past their time"), required=False)


def colleagues(community: Community) -> QuerySet[User]:
    """Everybody who works in the community."""
    working = Membership.objects.filter(community=community, is_active=True)
    return User.objects.filter(pk__in=working.values("user_id")).order_by("name", "username")
