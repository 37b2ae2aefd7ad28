from collections.abc import Iterator

import pytest

from community.signals import sign_in_code_requested


@pytest.fixture
def codes() -> Iterator[list[tuple[str, str]]]:
    """(phone, code) of every one-time code that was sent, in order."""
    sent: list[tuple[str, str]] = []

    def note(*, phone: str, code: str, **kwargs: object) -> None:
        sent.append((phone, code))

    sign_in_code_requested.connect(note)
    yield sent
    sign_in_code_requested.disconnect(note)
