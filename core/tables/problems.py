"""What is wrong with a table file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class BadCell:
    """One reason to refuse a file. Row 1 is the header; row 0 means the file as a whole."""

    row: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        if not self.row:
            return self.message
        place = _("row %(row)s") % {"row": self.row}
        if self.column:
            place += f", {self.column}"
        shown = f" {self.value!r}" if self.value else ""
        return f"{place}:{shown} {self.message}"


class TableRefused(Exception):
    """A file that is refused whole; ``problems`` holds every reason."""

    def __init__(self, problems: Sequence[BadCell]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.row)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def as_json(self) -> list[dict[str, Any]]:
        """The problems as plain dicts with the keys row, column, value and message."""
        return [asdict(problem) for problem in self.problems]


def refuse_file(message: str, *, row: int = 0, column: str = "", value: str = "") -> TableRefused:
    """The error for a single problem, mostly one with the file as a whole."""
    return TableRefused([BadCell(row, column, value, message)])
