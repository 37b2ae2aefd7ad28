from typing import Any

from billing.services.standards.shared_costs import import_shared_costs
from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported


class Command(ImportCommand):
    help = "Import costs that are shared over units."

    def take(self, **options: Any) -> Imported:
        return import_shared_costs(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
        )
