from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from core.management.plain_command import PlainCommand
from portal.demo.build import UNITS, build_demo, exists
from portal.demo.people import sign_ins

LEAST_UNITS = 20


class Command(PlainCommand):
    help = "Make a demo community with six quarters behind it; made before, it adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--units", type=int, default=UNITS, metavar="N")
        parser.add_argument(
            "--sign-ins", action="store_true", help="only print who can sign in, and how"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(_("The demo's passwords are public: not in production."))
        if not options["sign_ins"]:
            self._build(options["units"])
        for sign_in in sign_ins():
            self.stdout.write(f"  {sign_in.role}: {sign_in.name} · {sign_in.secret}")

    def _build(self, units: int) -> None:
        if units < LEAST_UNITS:
            raise CommandError(_("A demo has at least %(units)s units.") % {"units": LEAST_UNITS})
        if exists():
            self.stdout.write(_("The demo is there already; nothing was added."))
            return
        community = build_demo(units=units)
        self.stdout.write(
            _("Made %(name)s with %(units)s units.")
            % {"name": community.name, "units": community.units.count()}
        )
