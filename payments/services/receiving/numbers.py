"""Numbers of papers: none is lost and none is given twice, per community and year."""

from django.db.models import F

from community.models import Community
from payments.models.series import NumberSeries


def take_numbers(
    series: type[NumberSeries], *, community: Community, year: int, count: int = 1
) -> int:
    """The last of `count` new numbers; the row stays locked until the transaction ends, and what
    it rolls back gives its numbers back. So take them last."""
    row = series._default_manager.filter(community=community, year=year)
    if not row.update(last_number=F("last_number") + count):
        # Two first papers of a year at one moment: one of them makes the row.
        series._default_manager.bulk_create(
            [series(community=community, year=year)], ignore_conflicts=True
        )
        row.update(last_number=F("last_number") + count)
    return row.values_list("last_number", flat=True).get()
