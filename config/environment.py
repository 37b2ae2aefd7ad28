"""What the environment says, or a `.env` file beside manage.py, and what production refuses."""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

ENVIRONMENT = env("DJANGO_ENV", default="development")
PRODUCTION = ENVIRONMENT == "production"
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured(f"DJANGO_ENV is {ENVIRONMENT!r}: use development or production")


def secret(name: str, *, development: str, least: int = 32) -> str:
    """A secret from the environment; in production it must be set, long and not the known one."""
    value = env(name, default="" if PRODUCTION else development)
    if PRODUCTION and (len(value) < least or value == development):
        raise ImproperlyConfigured(f"{name} must be set to at least {least} random characters")
    return value


def whole_number(name: str, *, default: int, least: int, most: int) -> int:
    """A number from the environment, refused beyond its bounds."""
    value: int = env.int(name, default=default)
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} must be from {least} to {most}, not {value}")
    return value


def refuse_simulator(name: str, address: str) -> None:
    """In production, real money and real messages never go to a stand-in on this machine."""
    host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    if PRODUCTION and (host in {"", "localhost", "::1", "0.0.0.0"} or host.startswith("127.")):
        raise ImproperlyConfigured(f"{name} must name the real service, not {address!r}")


# redis://host/0 or unix:///path/to/socket?db=0
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
