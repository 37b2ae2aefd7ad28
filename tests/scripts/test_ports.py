"""Whoever starts a second stack finds the ports' variables where `scripts/run` is explained."""

import re

import pytest

from config.environment import BASE_DIR
from scripts.stack import DEFAULT_PORTS


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_names_every_port_and_its_default(name: str) -> None:
    text = (BASE_DIR / name).read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+_PORT)` \| (\d+) \|", text, re.MULTILINE)
    assert {variable: int(port) for variable, port in named} == DEFAULT_PORTS
