"""Workers that kill themselves (SIGKILL) at a named point.

`python -m tests.reliability.doomed` reads a line of JSON for each, a list of three words, forks it
and writes its exit code:

deliver POINT ID     sends one delivery
fan-out POINT ID     addresses a campaign in chunks of two; dies in its second chunk
bill POINT ID        issues the second quarter of a community in chunks of one and two; POINT is the
                     number of the "statement" or of the "copy" after which it dies
refund POINT ID      sends one approved refund to its provider
job POINT ID         does a job, lines taken back one and two at a time; dies after write POINT
close POINT ID       closes a run's period; dies after write POINT
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import django


def die(*args: Any, **kwargs: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after(call: Callable[..., Any], *, times: int = 1) -> Callable[..., Any]:
    left = times

    def doomed(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        result = call(*args, **kwargs)
        left -= 1
        return die() if left == 0 else result

    return doomed


def deliver(point: str, delivery_id: int) -> None:
    from notices.services import deliver as module
    from notices.services import states

    if point == "before begin commits":
        states.move = dies_after(states.move)
    elif point == "before send":
        module._try = die
    elif point == "between send and record":
        module._record = die
    elif point == "before record commits":
        states.mark_sent = dies_after(states.mark_sent)
    elif point == "after record":
        module._record = dies_after(module._record)
    module.deliver(delivery_id=delivery_id)


def fan_out(point: str, campaign_id: int) -> None:
    from notices.services import campaign as module

    module.CHUNK = 2
    if point == "between notices and commit":
        module._write_notices = dies_after(module._write_notices, times=2)
    elif point == "after commit":
        module.address_chunk = dies_after(module.address_chunk, times=2)
    module.fan_out_campaign(campaign_id=campaign_id)


def bill(point: str, community_id: int) -> None:
    from django.db.backends.utils import CursorWrapper

    from billing.services.runs import bill_computing, bill_writer
    from billing.services.runs.bill_run import issue_run
    from community.models import Community
    from tests.billing.small import Q2

    what, number = point.split()
    bill_computing.FIRST_CHUNK, bill_computing.CHUNK = 1, 2
    if what == "statement":
        CursorWrapper.execute = dies_after(  # type: ignore[method-assign]
            CursorWrapper.execute, times=int(number)
        )
    elif what == "copy":
        bill_writer.copy_text = dies_after(bill_writer.copy_text, times=int(number))
    issue_run(community=Community.objects.get(pk=community_id), **Q2)


def refund(point: str, refund_id: int) -> None:
    from payments.services.online import original_refunds as module

    if point == "before it is claimed":
        module.move = die
    elif point == "before send":
        module._ask = die
    elif point == "between send and record":
        module.record = die
    elif point == "before record commits":
        module.pay = dies_after(module.pay)
        # WeChat Pay says "processing" first: the second question hears that it is done.
        module.send(refund_id)
    module.send(refund_id)


def job(point: str, job_id: int) -> None:
    from billing.services.runs import reversal
    from community.services.jobs import run_job
    from tests.reliability.writes import counted

    reversal.FIRST_CHUNK, reversal.CHUNK = 1, 2
    with counted(last=int(point)):
        run_job(job_id=job_id)


def close(point: str, run_id: int) -> None:
    from billing.models import BillRun
    from billing.services.runs.periods import close_run
    from tests.reliability.writes import counted

    with counted(last=int(point)):
        close_run(run=BillRun.objects.get(pk=run_id))


WORK = {
    "deliver": deliver,
    "fan-out": fan_out,
    "bill": bill,
    "refund": refund,
    "job": job,
    "close": close,
}


def live(what: str, point: str, number: str) -> NoReturn:
    """The life of a child: its work, and an end of its own if nobody killed it."""
    code = 1
    try:
        WORK[what](point, int(number))
        code = 0
    except Exception:  # noqa: BLE001 - as an interpreter would
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    django.setup()
    import_module("config.urls")  # and with it nearly everything
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            live(*json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
