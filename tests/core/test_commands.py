"""What commands say to people: sentences in one language, no names of classes."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.utils import translation

from community.management.commands.import_register import Command

pytestmark = pytest.mark.django_db


def told(argv: list[str], capsys: pytest.CaptureFixture[str], language: str) -> str:
    command: BaseCommand = Command()
    with translation.override(language), pytest.raises(SystemExit) as ended:
        # The checks have tests of their own: what they warn of depends on the machine.
        command.run_from_argv(["manage.py", "import_register", *argv, "--skip-checks"])
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_a_refusal_is_told_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    said = told(["/nowhere/x.csv", "--community", "c1"], capsys, "en")
    assert said.startswith("Refused: there is no such file")
    assert "No such file" not in said
    assert "Error" not in said


def test_within_python_it_is_raised() -> None:
    with pytest.raises(CommandError):
        call_command("import_register", "/nowhere/x.csv", community="c1", stdout=StringIO())
