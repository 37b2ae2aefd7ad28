import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils.translation import gettext as _

from community.management.import_command import find_community
from core import books
from core.management.plain_command import PlainCommand
from core.tables import TableRefused

NOT_CHECKED = 2  # exit status; a break, like refused input of every command, is 1


class Command(PlainCommand):
    help = (
        "Check every money rule from the rows themselves."
        " Exit 0: the books hold; 1: they do not, or no such community; 2: the database is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--community", metavar="CODE", help="only this one")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = find_community(options["community"]).code if options["community"] else None
            report = books.verify(code)
        except TableRefused as refusal:
            if options["json"]:
                answer = {"status": "refused", "reason": str(refusal)}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            raise CommandError(str(refusal)) from None
        except OperationalError as error:
            raise CommandError(str(error), returncode=NOT_CHECKED) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        if report.breaks:
            breaks = [f"{found.rule}: {found.subject}: {found.detail}" for found in report.breaks]
            raise CommandError("\n".join(breaks))
        if not options["json"]:
            text = _("The books hold: %(rules)s rules, no break.")
            self.stdout.write(text % {"rules": len(report.rules)})
