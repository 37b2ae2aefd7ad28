from argparse import ArgumentParser
from typing import Any

from billing.services.accounts.opening_balances import import_opening_balances
from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported


class Command(ImportCommand):
    help = "Import opening arrears (+) and prepayments (-); no old bill is invented."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--new-item",
            action="append",
            default=[],
            metavar="NAME",
            help="a fee item that only old arrears name, no tariff; may be given several times",
        )

    def take(self, **options: Any) -> Imported:
        return import_opening_balances(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
            new_items=options["new_item"],
        )
