"""Each refund of a payment names the entry that it takes from, as those approved from now on do."""

import pgtrigger
from django.db import migrations
from django.db.models import F, OuterRef, Subquery


def name_what_they_take_from(apps, schema_editor):
    """So too the entries that gave a refund back; entries are append-only for everybody else."""
    entries = apps.get_model("billing", "CreditEntry").objects
    postings = apps.get_model("payments", "Posting").objects
    for field in ("entry", "given_back"):
        source = postings.filter(
            **{f"payment__refunds__{field}": OuterRef("pk")},
            payment__refunds__account=F("credit_entry__account"),
        )
        taking = apps.get_model("payments", "Refund").objects.exclude(payment=None)
        with pgtrigger.ignore("billing.CreditEntry:append_only"):
            entries.filter(pk__in=taking.exclude(**{field: None}).values(field)).update(
                takes_from=Subquery(source.values("credit_entry")[:1])
            )


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0020_refund_takes_from_its_payment"),
        ("payments", "0022_words_of_paid_twice"),
    ]

    operations = [
        migrations.RunPython(name_what_they_take_from, migrations.RunPython.noop),
    ]
