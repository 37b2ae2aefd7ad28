"""Reads an equation as a person with a calculator would: by the figures and signs shown."""

import re
from fractions import Fraction

from core.money import round_to_fen

TOKEN = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9]+)?|[×÷+−()=]")
SIGNS = {"×": "*", "÷": "/", "−": "-"}


def worked_out(equation: str) -> tuple[Fraction, int]:
    """What the left side of `… = 906.35 yuan` comes to exactly, and the right side in fen."""
    left, right = " ".join(TOKEN.findall(equation)).split("=")
    written = "".join(
        f"Fraction('{token.replace(',', '')}')" if token[0].isdigit() else SIGNS.get(token, token)
        for token in left.split()
    )
    exact: Fraction = eval(written, {"Fraction": Fraction})
    return exact, round_to_fen(Fraction(right.strip().replace(",", "")))
