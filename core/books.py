"""The books' rules: each room registers what must hold of its money; `verify_books` asks them all.

A rule looks at rows as they lie in the database, set-wise, and trusts nothing that the services
or triggers promise.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from django.db import connection


@dataclass(frozen=True)
class Break:
    """One place where the books do not hold."""

    rule: str
    subject: str
    detail: str


@dataclass
class Report:
    """Which rules were checked, and every break."""

    rules: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return {
            "status": "broken" if self.breaks else "ok",
            "rules": self.rules,
            "breaks": [asdict(found) for found in self.breaks],
        }


# Gets the code of a community, or None for all; yields what breaks the rule: subject and detail.
Rule = Callable[[str | None], Iterator[tuple[str, str]]]

_rules: dict[str, Rule] = {}


def rule(name: str, check: Rule) -> None:
    """Register a rule under its name, `room.what_holds`; a second one of that name is an error."""
    if name in _rules:
        raise ValueError(f"there is a rule {name} already")
    _rules[name] = check


def sql_rule(name: str, sql: str) -> None:
    """Register a rule in SQL: a query of its breaks, (subject, detail) as text.

    The query refers to %(community)s, the code of a community or NULL for all, mostly as
    ``(%(community)s::text IS NULL OR community.code = %(community)s)``.
    """

    def check(community: str | None) -> Iterator[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"community": community})
            yield from cursor.fetchall()

    rule(name, check)


def verify(community: str | None = None) -> Report:
    """Check every rule, for one community or for all."""
    report = Report(rules=sorted(_rules))
    for name in report.rules:
        report.breaks += [
            Break(name, subject, detail) for subject, detail in _rules[name](community)
        ]
    return report
