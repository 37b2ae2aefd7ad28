"""Why a message did not arrive, in sentences that staff can act on.

A delivery keeps what the provider said, for whoever has to ask the provider; people read these.
"""

import re
from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# A pattern found in the kept reason, and what it means.
Meanings = Sequence[tuple[str, Promise]]

BLOCKED = _("The person or the operator blocks our messages. Please use another channel.")
TOO_MANY = _("Too many messages went to this address for now. Please try again tomorrow.")
OUT_OF_ORDER = _("The operator had a fault of its own. Please try again later.")
OUR_ACCOUNT = _("Our account at the operator needs attention. Please tell whoever manages it.")
OUR_TEXT = _("The operator did not accept the text of our message. Please tell whoever manages it.")
UNREACHABLE = _("The operator could not be reached. Please try again later.")
MAY_HAVE_ARRIVED = _(
    "The connection broke while the message was handed over. It may have arrived: please ask "
    "before you send it again."
)
REFUSED = _("The operator refused it.")

# What our own channels and services say, whoever the provider is.
OURS: Meanings = (
    (r"^expired before", _("It was no longer valid when its turn came.")),
    (
        r"^the address or subject is not valid",
        _("The address is not valid. Please correct it with the payer."),
    ),
    (r"^the .* cannot be reached$", UNREACHABLE),
    (r"refused our sign-in$|is not set|^no SMS template|names no mail server", OUR_ACCOUNT),
    (r"hung up$|did not answer$|^a try was cut off|^the SMS provider failed", MAY_HAVE_ARRIVED),
)


def explain(reason: str, meanings: Meanings = ()) -> Promise:
    """The sentence for a kept reason; for what nobody foresaw, that the operator refused it."""
    for pattern, sentence in (*meanings, *OURS):
        if re.search(pattern, reason):
            return sentence
    return REFUSED
