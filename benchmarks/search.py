"""The front desk's box over a whole company: what a clerk waits for while he types."""

import statistics
import time

# Codes in two spellings and cut off, a room, ends and beginnings of phones, names, initials.
TYPED = (
    *("3-1-1502", "3栋1单元1502室", "3-1-15", "1502", "0042", "10000", "10000004711"),
    *("业主", "业主4711", "yz", "yz4711", "3", "9-9-9"),
)


def measure(*, rounds: int = 20) -> tuple[float, float]:
    """Median and slowest milliseconds of one search."""
    from django.db import connection

    from community.models import Community
    from portal.services.search import find

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    community = Community.objects.get(code="bench")
    taken = []
    for text in TYPED:
        find(community=community, text=text)  # warm
        for _ in range(rounds):
            began = time.perf_counter()
            find(community=community, text=text)
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), max(taken)
