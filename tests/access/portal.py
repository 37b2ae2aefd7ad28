"""The pages that cross rooms."""

from tests.access.rows import Row

ROWS = [
    Row("portal:home"),
    Row("portal:appearance", post=True),
    Row("portal:desk"),
    Row("portal:search", query="?q=1"),
    Row("portal:unit", lambda side: {"pk": side.unit.pk}),
    Row("portal:manager"),
]
