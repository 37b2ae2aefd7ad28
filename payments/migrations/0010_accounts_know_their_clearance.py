"""Clearances of before are told to the accounts that they were for."""

from django.db import migrations

TELL = """
    UPDATE billing_account a SET cleared_until = s.day
    FROM (
        SELECT account_id, MAX(day) AS day FROM payments_clearance
        WHERE state = 'cleared' GROUP BY account_id
    ) s WHERE s.account_id = a.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0014_account_cleared_until"),
        ("payments", "0009_payer_identity"),
    ]
    operations = [migrations.RunSQL(TELL, migrations.RunSQL.noop)]
