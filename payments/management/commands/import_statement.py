import json
from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from community.management.import_command import Refused, find_community
from core import tables
from core.management.plain_command import PlainCommand
from payments.banks import AUTO, PROFILES
from payments.models import BankLine
from payments.services.channels.bank_statements import Taken, import_statement
from payments.services.channels.settling import match_payouts


class Command(PlainCommand):
    help = (
        "Take over a bank's account statement. The same file again changes nothing; payouts of "
        "channels are matched with the days that they are for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="CSV (UTF-8, GB18030) or .xlsx as the bank exports it")
        parser.add_argument("--community", required=True, metavar="CODE")
        parser.add_argument("--profile", default=AUTO, choices=[AUTO, *PROFILES])
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            community = find_community(options["community"])
            taken = import_statement(
                source=options["file"], community=community, profile=options["profile"]
            )
        except tables.TableRefused as refusal:
            if options["json"]:
                answer = {"status": "refused", "problems": refusal.as_json()}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            raise Refused(str(refusal)) from None
        settled = match_payouts(community)
        found = _as_json(taken) | {
            "payouts_settled": settled,
            "payouts_waiting": community.bank_lines.waiting().count(),
        }
        if options["json"]:
            self.stdout.write(json.dumps({"status": "done"} | found, ensure_ascii=False))
            return
        text = _(
            "%(rows)s lines: %(created)s new, %(known)s known; %(payouts)s payouts of channels, "
            "%(payouts_settled)s matched, %(payouts_waiting)s wait for somebody"
        )
        self.stdout.write(text % found)


def _as_json(taken: Taken) -> dict[str, Any]:
    return {
        "statement": taken.statement.pk,
        "profile": taken.statement.profile,
        "rows": taken.statement.rows,
        "created": taken.new,
        "known": taken.known,
        "payers": taken.uses[BankLine.Use.PAYER],
        "payouts": taken.uses[BankLine.Use.CHANNEL],
        "ignored": taken.uses[BankLine.Use.IGNORED],
    }
