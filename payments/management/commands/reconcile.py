import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from community.management.import_command import find_community
from core import tables
from core.management.plain_command import PlainCommand
from core.money import plain_yuan
from payments.models import ReconciliationLine
from payments.providers.base import ProviderError
from payments.services.channels.reconcile_jobs import plain
from payments.services.channels.reconciling import reconcile
from payments.services.channels.storing_days import Done, ReconcileRefused


class Command(PlainCommand):
    help = (
        "Download a day's bill of a channel and compare it with our books. The same bill again "
        "changes nothing; differences wait for the accountant."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--channel", required=True, metavar="wechat|alipay")
        parser.add_argument("--date", required=True, metavar="2026-01-05")
        parser.add_argument("--community", metavar="CODE")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = self._run(**options)
        except ProviderError as error:
            raise self._refused(plain(error), options["json"], details=str(error)) from None
        except (ReconcileRefused, tables.TableRefused, ValueError) as refusal:
            raise self._refused(str(refusal), options["json"]) from None
        found = [_as_json(one) for one in done]
        if options["json"]:
            answer = {
                "status": "done",
                "channel": options["channel"],
                "date": options["date"],
                "changed": any(one.changed for one in done),
                "reconciliations": found,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        text = _(
            "%(community)s: %(lines)s lines, ¥%(paid)s paid, ¥%(refunded)s refunded, ¥%(fees)s "
            "fees, ¥%(settlement)s settled; %(open)s differences open"
        )
        for one in found:
            self.stdout.write(text % one)

    def _refused(self, reason: str, as_json: bool, *, details: str = "") -> CommandError:
        """The refusal: a sentence for people first, then what the provider said, for support."""
        if as_json:
            refused = {"status": "refused", "reason": reason}
            refused |= {"details": details} if details else {}
            self.stdout.write(json.dumps(refused, ensure_ascii=False))
        support = _("For support: %(details)s") % {"details": details}
        return CommandError(f"{reason}\n{support}" if details else reason)

    def _run(self, **options: Any) -> list[Done]:
        try:
            day = tables.day()(options["date"])
        except ValueError as error:
            raise ReconcileRefused(f"{options['date']} {error}") from None
        code = options["community"]
        return reconcile(
            channel=options["channel"],
            day=day,
            community=find_community(code) if code else None,
        )


def _as_json(done: Done) -> dict[str, Any]:
    row = done.reconciliation
    lines = list(row.lines.values_list("kind", "state"))
    waiting = Counter(kind for kind, state in lines if state == ReconciliationLine.State.OPEN)
    return {
        "community": row.community.code,
        "merchant": row.merchant,
        "state": row.state,
        "digest": row.digest,
        "lines": row.their_lines,
        "ours": row.our_lines,
        "paid": plain_yuan(row.their_paid),
        "refunded": plain_yuan(row.their_refunded),
        "fees": plain_yuan(row.fees),
        "settlement": plain_yuan(row.settlement),
        "open": waiting.total(),
        "differences": dict(sorted(waiting.items())),
    }
