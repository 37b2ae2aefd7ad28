"""A day with 10,000 lines in a channel's bill, compared with our books and kept."""

import datetime
import statistics
import time
import uuid
from decimal import Decimal
from typing import Any

LINES = 10_000
MOST_SECONDS = 5.0
DAY = datetime.date(2026, 1, 5)


def measure(*, rounds: int = 3) -> tuple[float, float]:
    """Median and slowest seconds from the downloaded file to the differences in their rows."""
    from payments import providers
    from payments.models import Reconciliation, ReconciliationLine
    from payments.providers.wechatpay_bill import read_bill
    from payments.services.channels.storing_days import store_day

    community, packed, digest = make_day()
    provider = providers.all_providers()["wechatpay"]("")
    taken = []
    for _ in range(rounds):
        ReconciliationLine.objects.all().delete()
        Reconciliation.objects.all().delete()
        started = time.perf_counter()
        bill = read_bill(DAY, packed, sha1=digest)
        (done,) = store_day(provider, bill, [community.pk])
        taken.append(time.perf_counter() - started)
    row = done.reconciliation
    found = row.lines.count()
    # Each fiftieth is missing on one side or the other, or one yuan off.
    if (row.their_lines, found) != (LINES, 3 * LINES // 50):
        raise SystemExit(f"{row.their_lines} lines, {found} differences")
    return statistics.median(taken), max(taken)


def make_day() -> tuple[Any, bytes, str]:
    """A community, and a packed bill of the day with its SHA-1; our orders are paid."""
    import gzip
    import hashlib

    from django.utils import timezone

    from community.models import Community, User
    from payments.models import Payment, PaymentOrder

    community = Community.objects.create(code="reconcile", name="reconcile")
    user = User.objects.create_user("reconcile")
    noon = timezone.make_aware(datetime.datetime.combine(DAY, datetime.time(12)))
    # Every fiftieth line is not here; as many of ours are not there.
    numbers = [f"2026010512{i:016d}" for i in range(LINES)]
    ours = [n for i, n in enumerate(numbers) if i % 50 != 1]
    ours += [f"2026010513{i:016d}" for i in range(LINES // 50)]
    orders = PaymentOrder.objects.bulk_create(
        (
            PaymentOrder(
                community=community,
                user=user,
                provider="wechatpay",
                scene="native",
                out_trade_no=number,
                amount=Decimal("302.12"),
                state=PaymentOrder.State.PAID,
                form_token=uuid.uuid4(),
                expires_at=noon,
                paid_at=noon,
            )
            for number in ours
        ),
        batch_size=1_000,
    )
    Payment.objects.bulk_create(
        (
            Payment(
                community=community,
                method=Payment.Method.WECHAT,
                amount=order.amount,
                value_date=DAY,
                idempotency_key=f"order:{order.out_trade_no}",
                order=order,
            )
            for order in orders
        ),
        batch_size=1_000,
    )
    text = _file(numbers)
    return community, gzip.compress(text), hashlib.sha1(text, usedforsecurity=False).hexdigest()


def _file(numbers: list[str]) -> bytes:
    """The file as WeChat Pay writes it; every fiftieth line is one yuan more, fee and all."""
    columns = (
        "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,"
        "交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,"
        "充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,"
        "费率备注"
    )
    rows = [columns]
    for place, number in enumerate(numbers):
        amount, fee = ("303.12", "1.82") if place % 50 == 2 else ("302.12", "1.81")
        cells = ["2026-01-05 12:00:00", "wx1", "1900000001", "0", "", f"42{number}", number]
        cells += ["openid", "NATIVE", "SUCCESS", "OTHERS", "CNY", amount, "0.00", "0", "0", "0.00"]
        cells += ["0.00", "", "", "物业费", "", fee, "0.60%", amount, "0.00", ""]
        rows.append(",".join(f"`{cell}" for cell in cells))
    rows += ["总交易单数,应结订单总金额", f"`{len(numbers)},`0.00", ""]
    return "\r\n".join(rows).encode()


def main() -> None:
    from benchmarks.database import benchmark_database

    with benchmark_database():
        median, slowest = measure()
    print(f"{LINES:,} lines of a channel's bill: {median:.2f} s (slowest: {slowest:.2f} s)")
    if slowest > MOST_SECONDS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
