"""Two imports of a community that is new to both, on real connections."""

import threading
from contextlib import suppress

import pytest
from django.db import Error, connection

from community.models import Community, Unit
from community.services.register import import_register

pytestmark = pytest.mark.django_db(transaction=True)

REGISTER = """楼栋,单元,房号,类型,建筑面积,交付日期,业主姓名,手机号,邮箱
1,1,101,住宅,89.37,2020-05-01,赵骉,13900000001,
1,1,102,住宅,62.35,,钱䶮,,
""".encode()


def test_both_are_answered_and_one_adds_nothing(monkeypatch):
    meeting = threading.Barrier(2, timeout=1)
    full_clean = Community.full_clean

    def meet_and_clean(self, *args, **kwargs) -> None:
        full_clean(self, *args, **kwargs)
        with suppress(threading.BrokenBarrierError):
            meeting.wait()

    monkeypatch.setattr(Community, "full_clean", meet_and_clean)
    answers: list[object] = []

    def call() -> None:
        try:
            answers.append(import_register(source=REGISTER, community_code="new").created)
        except Error as error:
            answers.append(error)
        finally:
            connection.close()

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert sorted(answers, key=str) == [0, 2]
    assert Community.objects.count() == 1
    assert Unit.objects.count() == 2
