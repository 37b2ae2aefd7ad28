from typing import Any

from community.management.import_command import ImportCommand, find_community
from community.services.imports import Imported
from community.services.vacancies import import_vacancies


class Command(ImportCommand):
    help = "Import the spans in which units are vacant."

    def take(self, **options: Any) -> Imported:
        return import_vacancies(
            source=options["file"],
            community=find_community(options["community"]),
            dry_run=options["dry_run"],
        )
