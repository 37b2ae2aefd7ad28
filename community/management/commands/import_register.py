from argparse import ArgumentParser
from typing import Any

from community.management.import_command import ImportCommand
from community.services.imports import Imported
from community.services.register import import_register


class Command(ImportCommand):
    help = "Import the register of units and owners; creates the community if its code is new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", default="", help="name of a new community")

    def take(self, **options: Any) -> Imported:
        return import_register(
            source=options["file"],
            community_code=options["community"],
            community_name=options["name"],
            dry_run=options["dry_run"],
        )
