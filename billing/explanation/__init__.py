"""Each charge as a sentence: the figures it was computed from, so that anybody can check it.

`explain_bill` is the way in; `compare_bill` tells what changed since the last bill. The sentences
come from what the charge keeps (quantity, price, factor, days) and from its tariff version, which
is frozen; never from facts that may have changed since. An equation is shown only if it gives the
very amount of the charge: where it does not, the charge says nothing rather than something wrong.
"""

from billing.explanation.charges import Explained
from billing.explanation.comparing import Comparison, compare_bill
from billing.explanation.late_fees import words_of_late_fee
from billing.explanation.loading import explain_bill

__all__ = ["Comparison", "Explained", "compare_bill", "explain_bill", "words_of_late_fee"]
