"""Every text of the portal has a Chinese translation: python -m scripts.check_messages [--update].

Texts are collected anew into a scratch copy and compared with what is committed, so a text that was
added without a translation, or left behind without a use, fails the build. `--update` writes the
collected texts into locale/ for somebody to translate.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import read_po

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGE = "zh_Hans"
# makemessages reads these too unless told otherwise; none of them speaks to people.
NOT_READ = ["tests", "benchmarks", "simulators", "scripts", "docs", "staticfiles", "media"]
OPTIONS = ["--no-location", "--no-wrap", "--no-obsolete"]
DOMAINS = {"django": "", "djangojs": "static"}


def collect(root: Path) -> None:
    """Collect the texts below `root` into its locale folder, keeping translations there."""
    (root / "locale").mkdir(exist_ok=True)
    for domain, folder in DOMAINS.items():
        if folder and not any((root / folder).rglob("*.js")):
            continue
        command = [sys.executable, str(root / "manage.py"), "makemessages", "--locale", LANGUAGE]
        command += ["--domain", domain, *OPTIONS]
        for name in [*NOT_READ, ".*"]:
            command += ["--ignore", name]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"makemessages failed:\n{done.stdout}{done.stderr}")


def scratch_copy(target: Path) -> Path:
    """The part of the project that speaks to people, copied into `target`."""
    for entry in PROJECT.iterdir():
        if entry.name in NOT_READ or entry.name.startswith("."):
            continue
        if entry.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.mo", "fonts", "*.png", "*.woff2")
            shutil.copytree(entry, target / entry.name, ignore=ignore)
        else:
            shutil.copy(entry, target)
    return target


def catalog_path(root: Path, domain: str) -> Path:
    """Where the catalog of one domain is."""
    return root / "locale" / LANGUAGE / "LC_MESSAGES" / f"{domain}.po"


def read_catalog(root: Path, domain: str) -> Catalog:
    """The catalog of one domain below `root`, empty if there is none."""
    path = catalog_path(root, domain)
    if not path.exists():
        return Catalog(locale=LANGUAGE)
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain=domain)


def _key(message: Message) -> tuple[object, str | None]:
    return message.id, message.context


def problems(committed: Catalog, collected: Catalog) -> list[str]:
    """What is wrong with the committed catalog, one line each."""
    known = {_key(message): message for message in committed if message.id}
    used = {_key(message) for message in collected if message.id}
    found = []
    for key in sorted(used, key=str):
        message = known.get(key)
        if message is None:
            found.append(f"not in the catalog: {key[0]!r}")
        elif message.fuzzy:
            found.append(f"fuzzy: {key[0]!r}")
        elif not all(message.string if isinstance(message.string, tuple) else [message.string]):
            found.append(f"untranslated: {key[0]!r}")
    found += [f"no longer used: {key[0]!r}" for key in known if key not in used]
    return found


def format_problems(domain: str) -> list[str]:
    """Placeholders that a translation lost or misspelt, in gettext's own words."""
    path = catalog_path(PROJECT, domain)
    if not path.exists():
        return []
    command = ["msgfmt", "--check-format", "--output-file=/dev/null", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.splitlines() if done.returncode else []


def main(arguments: list[str] | None = None) -> int:
    """0 when every text is translated, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_messages", description=__doc__)
    parser.add_argument("--update", action="store_true", help="collect the texts into locale/")
    if parser.parse_args(arguments).update:
        collect(PROJECT)
        return 0
    found = []
    with tempfile.TemporaryDirectory() as folder:
        copy = scratch_copy(Path(folder))
        collect(copy)
        for domain in DOMAINS:
            found += problems(read_catalog(PROJECT, domain), read_catalog(copy, domain))
            found += format_problems(domain)
    for line in found:
        print(line)
    if found:
        print(f"{len(found)} texts need work: make messages (or --update) collects, you translate")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
