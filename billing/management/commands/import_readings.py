from typing import Any

from billing.services.meters.readings import import_readings
from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported


class Command(ImportCommand):
    help = "Import meter readings."

    def take(self, **options: Any) -> Imported:
        return import_readings(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
        )
