"""Passwords that are quick to make."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """The project's own algorithm, so that the running stack of browser tests knows the hashes;
    but one round instead of a million, which would be most of a test run."""

    iterations = 1
