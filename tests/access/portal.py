"""The pages that cross rooms."""

from tests.access.rows import Row

ROWS = [
    Row("portal:home"),
    Row("portal:appearance", post=True),
]
