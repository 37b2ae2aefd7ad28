"""What pages say when a decision on somebody's request is refused."""

from django.utils.translation import gettext as _

from community.services.decisions import AlreadyDecided, DecisionRefused, NotOwn, SamePerson


def words_of(error: DecisionRefused) -> str:
    """What happened, that nothing was lost, and what next."""
    match error:
        case SamePerson():
            return _("You asked for this yourself: another person has to decide on it.")
        case NotOwn():
            return _("Only who asked for it can take it back. You may reject it instead.")
        case AlreadyDecided():
            return _("It is “%(state)s” already and stays so.") % {"state": error.state.label}
    return _("Please give a reason: who asked for it reads it. Nothing was decided yet.")
