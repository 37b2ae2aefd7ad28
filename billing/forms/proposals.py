"""Forms of proposed fee standards: writing one, commenting, answering, deciding."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from billing.forms.fields import text_area
from billing.forms.tariffs import TermsForm
from billing.models import TariffProposal
from community.models import Unit
from core.forms import OnceForm


class ProposalForm(TermsForm):
    """A version to be proposed, with words for the residents."""

    title = forms.CharField(label=_("Title"), max_length=200)
    explanation = forms.CharField(
        label=_("Why, in words for residents"), max_length=4000, widget=text_area(5)
    )


class CommentForm(OnceForm):
    """What a resident says, and for which of his units."""

    unit = forms.ModelChoiceField(label=_("For which unit?"), queryset=Unit.objects.none())
    text = forms.CharField(label=_("Your comment"), max_length=2000, widget=text_area(4))

    def __init__(self, *args: Any, units: QuerySet[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["unit"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = units
        choice.empty_label = None if len(units) == 1 else _("Please choose")


class AnswerForm(forms.Form):
    """The office's public answer to a comment."""

    text = forms.CharField(label=_("Answer, for all to read"), max_length=2000, widget=text_area(2))


class DecisionForm(forms.Form):
    """What was decided and why; `seen` is the state in which the proposal was looked at."""

    reasons = forms.CharField(
        label=_("Decision and its reasons, for all to read"), max_length=2000, widget=text_area(3)
    )
    seen = forms.ChoiceField(choices=TariffProposal.State, widget=forms.HiddenInput)
