"""The general limitation period (诉讼时效): three years."""

import datetime

YEARS = 3


def limit_of(due_on: datetime.date) -> datetime.date:
    """The last day of the three years that begin the day after `due_on`, if nothing interrupts.

    Civil Code art. 188 (three years), 201 (the first day is not counted), 202 (the corresponding
    day ends a period of years; where there is none, the last day of the month). A demand that
    arrived begins them anew (art. 195).
    """
    try:
        return due_on.replace(year=due_on.year + YEARS)
    except ValueError:  # 29 February
        return due_on.replace(year=due_on.year + YEARS, day=28)
