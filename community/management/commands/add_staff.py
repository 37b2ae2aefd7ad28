import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from community.management.import_command import find_community
from community.models import Membership, Role, User
from community.services.staff import Change, StaffRefused, add_staff, change_role
from core.management.plain_command import PlainCommand
from core.tables import TableRefused


class Command(PlainCommand):
    help = "Let somebody work in a community; a new user is made, with the password asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--community", required=True, metavar="CODE")
        parser.add_argument("--username", required=True, metavar="NAME")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="as colleagues and residents read it")
        parser.add_argument("--email", default="", help="where alerts go")
        parser.add_argument("--phone", default="", help="where alerts go by SMS")
        parser.add_argument(
            "--change-role", action="store_true", help="for somebody who works here"
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password of a new user there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        username, role = options["username"], Role(options["role"])
        try:
            community = find_community(options["community"])
            known = Membership.objects.filter(community=community, user__username=username).first()
            if known and options["change_role"] and change_role(membership=known, role=role):
                self.stdout.write(_said(_("%(name)s is now %(role)s."), username, role))
            taken = add_staff(
                community=community,
                username=username,
                role=role,
                password=self._password(username, from_stdin=options["password_stdin"]),
                name=options["name"],
                email=options["email"],
                phone=options["phone"],
            )
        except (StaffRefused, TableRefused) as refusal:
            raise CommandError(str(refusal)) from None
        words = {
            Change.ADDED: _("%(name)s works here now as %(role)s."),
            Change.AGAIN: _("%(name)s works here again as %(role)s."),
            Change.NOTHING: _("%(name)s works here as %(role)s already; nothing was changed."),
        }
        self.stdout.write(_said(words[taken.change], username, role))

    def _password(self, username: str, *, from_stdin: bool) -> str:
        """The password of a new user, typed twice or read; nothing for whoever has one."""
        if User.objects.filter(username=username).exists():
            return ""
        if from_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass.getpass(_("Password: "))
        if password != getpass.getpass(_("Again: ")):
            raise StaffRefused(_("The two passwords differ."))
        return password


def _said(words: str, username: str, role: Role) -> str:
    return words % {"name": username, "role": role.label}
