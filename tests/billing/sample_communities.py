"""Bills the sample communities through the commands that operators use."""

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

from .plain_files import DATA

FILES = ("register", "transfers", "vacancies", "tariffs", "readings", "shared_costs")
QUARTER = ("--from", "2026-01", "--to", "2026-03")


def command(name: str, *arguments: str) -> dict[str, Any]:
    """The JSON answer of a command."""
    out = StringIO()
    call_command(name, *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def import_community(code: str) -> None:
    for name in FILES:
        command(f"import_{name}", str(DATA / code / f"{name}.csv"), "--community", code)


def run_billing(code: str, *arguments: str) -> dict[str, Any]:
    return command("run_billing", "--community", code, *QUARTER, "--due", "2026-02-15", *arguments)
