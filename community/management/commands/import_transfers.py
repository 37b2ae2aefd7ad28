from typing import Any

from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported
from community.services.transfers import import_transfers


class Command(ImportCommand):
    help = "Import transfers: the new owner pays from that day on."

    def take(self, **options: Any) -> Imported:
        return import_transfers(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
        )
