"""What every import command shares: its arguments, what it prints, when it fails."""

import json
from abc import abstractmethod
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from community.models import Community
from community.services.imports import Imported, announcements
from core import tables
from core.management.plain_command import PlainCommand


class Refused(CommandError):
    """Refused input: exit 1. With --json the reasons are on stdout as well."""


def find_community(code: str) -> Community:
    """The community of a code; TableRefused if there is none."""
    community = Community.objects.filter(code=code).first()
    if community is None:
        raise tables.refuse_file(_("there is no community %(code)s") % {"code": code})
    return community


class ImportCommand(PlainCommand):
    """A command that takes a table file into a community, or refuses it whole."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="CSV (UTF-8, GB18030) or .xlsx")
        parser.add_argument("--community", required=True, metavar="CODE")
        parser.add_argument("--dry-run", action="store_true", help="check, but write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @abstractmethod
    def take(self, **options: Any) -> Imported:
        """Import the file; TableRefused if it is bad."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = self.take(**options)
        except tables.TableRefused as refusal:
            if options["json"]:
                answer = {"status": "refused", "problems": refusal.as_json()}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            raise Refused(str(refusal)) from None
        notes = [] if done.dry_run else announcements(find_community(options["community"]))
        if options["json"]:
            told = done.as_json() | ({"notes": notes} if notes else {})
            self.stdout.write(json.dumps(dict(told, status="done"), ensure_ascii=False))
            return
        text = _("%(rows)s rows: %(created)s created, %(updated)s updated, %(unchanged)s unchanged")
        self.stdout.write(text % done.as_json())
        if done.dry_run:
            self.stdout.write(_("Nothing was written: this was a dry run."))
        for note in notes:
            self.stdout.write(note)
