"""Commands speak one language to people: that of the portal."""

import sys
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _


class PlainCommand(BaseCommand):
    """A command whose refusals are sentences, without the names of classes before them.

    It works with our rows: half a merchant account, or an SMS template that is not named, stops it
    no more than it stops the site. `manage.py check` names those.
    """

    requires_system_checks = (Tags.models,)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As Django's; on the command line a refusal is told in words and ends with its code."""
        try:
            return super().execute(*args, **options)
        except CommandError as refusal:
            on_command_line = getattr(self, "_called_from_command_line", False)
            if not on_command_line or options.get("traceback"):
                raise
            self.stderr.write(_("Refused: %(reason)s") % {"reason": refusal})
            sys.exit(refusal.returncode)
