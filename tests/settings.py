"""Settings of the tests: the project's own, on servers of this test session.

pytest-django reads settings before any conftest.py, so this is the first place that can start them.
With DATABASE_URL and REDIS_URL set, those servers are used; pytest-django makes its own database
there, named test_….
"""

import os

from scripts.services import start_for_tests
from tests.servers import redis_number, worker_number

os.environ.update(start_for_tests().environment())
# The workers have this from pytest's own process.
os.environ.setdefault("TEST_TEMPLATE", f"template_{os.getpid()}")
# Workers side by side must not empty each other's cache.
os.environ["REDIS_URL"] = redis_number(os.environ["REDIS_URL"], worker_number())
# Once a browser was driven from this process, Django takes every later test for asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashers.QuickHasher"]
