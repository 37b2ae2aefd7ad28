"""What a person prefers."""

from community.models import User


def set_elder_mode(*, user: User, on: bool) -> None:
    """Remembers large type and fewer choices for `user`, on every device."""
    if user.elder_mode != on:
        user.elder_mode = on
        user.save(update_fields=["elder_mode"])
