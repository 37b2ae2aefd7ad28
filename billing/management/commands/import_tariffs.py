from typing import Any

from billing.services.standards.tariffs import import_tariffs
from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported


class Command(ImportCommand):
    help = "Import fee standards; a published version is superseded, never edited."

    def take(self, **options: Any) -> Imported:
        return import_tariffs(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
        )
