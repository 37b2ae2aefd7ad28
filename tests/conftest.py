"""What every test may count on. Tests run in random order (pytest-randomly)."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from hypothesis import settings

from scripts.stack import Stack

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("portal", deadline=None)
settings.load_profile("portal")

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.database",
    "tests.fixtures.simulators",
    "tests.fixtures.stack",
]


@pytest.fixture(scope="session")
def base_url(stack: Stack) -> str:
    """A browser's page is at home in the running stack: page.goto("/bills/").

    It stands here because pytest-playwright's own would win over one in a plug-in.
    """
    return stack.address("WEB_PORT")


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """No test inherits another's counters (attempts to sign in, for one)."""
    yield
    cache.clear()
