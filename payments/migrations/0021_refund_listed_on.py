"""The day whose bill of the provider lists a refund: WeChat Pay lists it when it is taken on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0020_credit_use")]

    operations = [
        migrations.AddField(
            model_name="refund",
            name="listed_on",
            field=models.DateField(blank=True, null=True, verbose_name="on the bill of"),
        ),
    ]
