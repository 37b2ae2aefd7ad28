"""Builds the small print font (8 s, once)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core import fonts


class Command(BaseCommand):
    help = "Build the subset of the print font that papers are set in; does nothing if it is there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="build even if it is there")

    def handle(self, *args: Any, again: bool, **options: Any) -> None:
        path = fonts.build_subset(again=again)
        self.stdout.write(f"{path} {path.stat().st_size // 1024} KB")
