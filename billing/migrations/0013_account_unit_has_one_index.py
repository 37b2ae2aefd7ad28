
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_adjustments_are_frozen'),
        ('community', '0007_vacancy_request'),
    ]

    operations = [
        migrations.AlterField(
            model_name='account',
            name='unit',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='community.unit', verbose_name='unit'),
        ),
    ]
