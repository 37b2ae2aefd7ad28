from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from billing.services import months
from billing.services.runs.export import export_charges
from community.management.import_command import find_community
from core.management.plain_command import PlainCommand
from core.tables import TableRefused


class Command(PlainCommand):
    help = "Write the issued charges of some months to a CSV or .xlsx file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--community", required=True, metavar="CODE")
        parser.add_argument("--from", dest="start", required=True, metavar="2026-01")
        parser.add_argument("--to", dest="end", required=True, metavar="2026-03")
        parser.add_argument("--output", required=True, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = export_charges(
                community=find_community(options["community"]),
                starts_on=months.first_day(options["start"]),
                ends_on=months.last_day(options["end"]),
                output=options["output"],
            )
        except (TableRefused, ValueError) as refusal:
            raise CommandError(str(refusal)) from None
        text = _("%(rows)s charges written to %(file)s")
        self.stdout.write(text % {"rows": written, "file": options["output"]})
