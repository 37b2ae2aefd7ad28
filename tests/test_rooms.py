"""A room knows only the rooms below it: what import-linter cannot see, because it is in strings."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Model


def rooms() -> list[str]:
    """From the ground floor up, as import-linter has them."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return list(reversed(layers))


FLOORS = {room: floor for floor, room in enumerate(rooms())}


def relations() -> Iterator[tuple[type[Model], str, type[Model]]]:
    """Every foreign key and many-to-many of our models: whose, its name, where it points."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in FLOORS:
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


def test_every_app_of_ours_is_a_room() -> None:
    ours = {
        config.label
        for config in apps.get_app_configs()
        # Installed packages may lie inside the project too, in its .venv.
        if Path(config.path).parent == settings.BASE_DIR
    }
    assert ours == {room for room in FLOORS if apps.is_installed(room)} == set(FLOORS)
