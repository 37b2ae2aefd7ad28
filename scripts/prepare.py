"""Bring a database and the built files up to date: python -m scripts.prepare [--seed].

One process for all of it, since importing the portal takes longer than most of these steps.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SIGN_INS = "sign-ins.txt"  # in the stack's folder: who can sign in to the demo, and how


def compile_messages() -> None:
    """Compile the translations; Babel does it without the system's gettext."""
    for catalog in (PROJECT / "locale").rglob("*.po"):
        command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "compile"]
        command += ["--directory", "locale", "--domain", catalog.stem]
        subprocess.run(command, cwd=PROJECT, check=True)


def main() -> int:
    """Messages, tables, fonts and, on the first run, the demo's data."""
    compile_messages()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    print("Bringing the database up to date", flush=True)
    try:
        call_command("migrate", verbosity=0)
        call_command("build_fonts", stdout=io.StringIO())
        if "--seed" in sys.argv:
            print("Looking after the demo's data (half a minute the first time)", flush=True)
            call_command("seed_demo", stdout=io.StringIO())
            with Path(os.environ["STACK_HOME"], SIGN_INS).open("w", encoding="utf-8") as file:
                call_command("seed_demo", "--sign-ins", stdout=file)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
