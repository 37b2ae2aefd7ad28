"""Settings of the tests: the project's own, on servers of this test session.

pytest-django reads settings before any conftest.py, so this is the first place that can start them.
With DATABASE_URL and REDIS_URL set, those servers are used; pytest-django makes its own database
there, named test_….
"""

import os

from scripts.services import start_for_tests

os.environ.update(start_for_tests().environment())

from config.settings import *  # noqa: F403

# Slow on purpose in production; in tests it would be most of the run.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Counters of sign-in attempts must not outlive a test (tests/conftest.py clears them).
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
