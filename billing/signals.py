"""What happened in billing; sent inside the transaction that made it happen."""

from django.dispatch import Signal

# run: BillRun. Its bills and charges are written; receivers add one row, jobs do the rest.
bills_issued = Signal()

# proposal: TariffProposal, just opened for comments.
proposal_published = Signal()

# period: BillingPeriod. Its bills should go out now, and nobody has issued them yet.
run_due = Signal()
