import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from billing.models import BillRun, RunException
from billing.services import months
from billing.services.runs.bill_run import RunDone, RunRefused, issue_run, preview_run
from billing.services.runs.late_facts import announcements
from community.management.import_command import find_community
from core import tables
from core.management.plain_command import PlainCommand


class Command(PlainCommand):
    help = (
        "Compute the bills of some months and issue them; issued before, it adds nothing. Where "
        "the community wants a second person's approval the run is left waiting for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--community", required=True, metavar="CODE")
        parser.add_argument("--from", dest="start", required=True, metavar="2026-01")
        parser.add_argument("--to", dest="end", required=True, metavar="2026-03")
        parser.add_argument("--due", required=True, metavar="2026-02-15")
        parser.add_argument("--preview", action="store_true", help="compute, but issue nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = self._run(**options)
        except (RunRefused, tables.TableRefused, ValueError) as refusal:
            if options["json"]:
                answer = {"status": "refused", "reason": str(refusal)}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            raise CommandError(str(refusal)) from None
        answer = _as_json(done)
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        said = answer | {"state": done.run.get_state_display()}
        if options["preview"] and not done.run.issued_at:
            text = _("Preview: %(bills)s bills to issue, %(lines)s lines, ¥%(amount)s in all")
        else:
            text = _(
                "%(state)s: %(bills)s bills, %(lines)s lines, ¥%(amount)s; %(added)s bills added"
            )
        self.stdout.write(text % said)
        if done.status == "awaiting":
            self.stdout.write(_("another person has to approve this run: nothing is issued yet"))
        labels = dict(RunException.Reason.choices)
        for exception in _exceptions(done.run):
            said = exception | {"reason": str(labels[exception["reason"]])}
            if exception["building"]:
                said["building"] = _("Building %(building)s") % exception
            self.stdout.write(" ".join(part for part in said.values() if part))
        for note in answer.get("notes", ()):
            self.stdout.write(note)

    def _run(self, **options: Any) -> RunDone:
        go = preview_run if options["preview"] else issue_run
        try:
            due_on = tables.day()(options["due"])
        except ValueError as error:
            raise RunRefused(f"{options['due']} {error}") from None
        return go(
            community=find_community(options["community"]),
            starts_on=months.first_day(options["start"]),
            ends_on=months.last_day(options["end"]),
            due_on=due_on,
        )


def _exceptions(run: BillRun) -> list[dict[str, str]]:
    found = run.exceptions.select_related("unit", "building", "fee_item").order_by(
        "unit__sort_key", "fee_item__position", "id"
    )
    return [
        {
            "unit": exception.unit.code if exception.unit else "",
            "building": exception.building.code if exception.building else "",
            "item": exception.fee_item.name if exception.fee_item else "",
            "reason": exception.reason,
            "detail": exception.detail,
        }
        for exception in found
    ]


def _as_json(done: RunDone) -> dict[str, Any]:
    run = done.run
    notes = announcements(run.period.community)
    return {
        "status": done.status,
        "run": run.pk,
        "community": run.period.community.code,
        "from": f"{run.period.starts_on:%Y-%m}",
        "to": f"{run.period.ends_on:%Y-%m}",
        "due": str(run.due_on),
        "state": run.state,
        "added": done.added,
        **run.summary,
        "exceptions": _exceptions(run),
        **({"notes": notes} if notes else {}),
    }
