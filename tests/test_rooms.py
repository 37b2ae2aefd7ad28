"""A room knows only the rooms below it: what import-linter cannot see, because it is in strings."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Model


def rooms() -> list[str]:
    """From the ground floor up, as import-linter has them."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layered = [contract for contract in contracts if contract["type"] == "layers"]
    [layers] = [one["layers"] for one in layered if "containers" not in one]
    return list(reversed(layers))


FLOORS = {room: floor for floor, room in enumerate(rooms())}


def relations() -> Iterator[tuple[type[Model], str, type[Model]]]:
    """Every foreign key and many-to-many of our models: whose, its name, where it points."""
    for model in apps.get_models(include_auto_created=True):
        # A proxy has no keys of its own.
        if model._meta.app_label in FLOORS and not model._meta.proxy:
            for field in model._meta.get_fields():
                if field.is_relation and not field.auto_created and field.related_model:
                    yield model, field.name, field.related_model


def test_the_walk_sees_the_rooms() -> None:
    seen = {model._meta.app_label for model, _name, _target in relations()}
    assert {"community", "billing", "payments", "servicedesk", "notices"} <= seen
    assert len(list(relations())) > 60


@pytest.mark.parametrize(
    ("model", "name", "target"),
    list(relations()),
    ids=lambda value: value if isinstance(value, str) else value._meta.label,
)
def test_keys_point_downwards(model: type[Model], name: str, target: type[Model]) -> None:
    above = FLOORS.get(target._meta.app_label, -1)  # Django's own tables lie below everything
    assert above <= FLOORS[model._meta.app_label], f"{model._meta.label}.{name}"


def reverse_names() -> Iterator[tuple[str, str]]:
    """Each key that points to a lower room: its own room, and its name seen from below."""
    for model, name, target in relations():
        field: Any = model._meta.get_field(name)
        hidden = field.remote_field is None or field.remote_field.hidden
        if not hidden and target._meta.app_label != model._meta.app_label:
            yield model._meta.app_label, field.related_query_name()


def test_nothing_is_looked_up_through_keys_of_a_room_above() -> None:
    """`account__clearances` asks a room above, whoever imports nothing."""
    found = []
    for above, name in set(reverse_names()):
        asks = re.compile(rf"__{name}(__|\b)|\b{name}__|\.{name}\.(all|filter|exclude|get)\(")
        for room in FLOORS:
            if FLOORS[room] < FLOORS[above]:
                for path in (settings.BASE_DIR / room).rglob("*.py"):
                    if "migrations" not in path.parts and (hit := asks.search(path.read_text())):
                        found.append(f"{path.relative_to(settings.BASE_DIR)}: {hit[0]} of {above}")
    assert found == []


def test_every_app_of_ours_is_a_room() -> None:
    ours = {
        config.label
        for config in apps.get_app_configs()
        # Installed packages may lie inside the project too, in its .venv.
        if Path(config.path).parent == settings.BASE_DIR
    }
    assert ours == {room for room in FLOORS if apps.is_installed(room)} == set(FLOORS)
