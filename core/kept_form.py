"""A form that has to be corrected, kept for one more look.

Answered right where it was posted to, it would be a page that the browser's Back cannot show
again; so it is put into the session, and the answer leads to the page that shows it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest

AnyForm = TypeVar("AnyForm", bound=forms.Form)


def keep_form(request: HttpRequest, key: str, form: forms.Form, *, most: int, **more: Any) -> None:
    """Keeps what was typed (`most` characters a field), what is wrong with it, and `more`."""
    request.session[key] = {
        "typed": {name: str(form.data.get(name, ""))[:most] for name in form.fields},
        "errors": [
            (field, str(message)) for field, found in form.errors.items() for message in found
        ],
        "more": more,
    }


def kept_form(
    request: HttpRequest, key: str, make: Callable[[Mapping[str, str]], AnyForm]
) -> tuple[AnyForm, dict[str, Any]] | None:
    """The form that was kept, made anew by `make`, with what is wrong with it; once, else None."""
    kept = request.session.pop(key, None)
    if kept is None:
        return None
    # What was not ticked must not come back as ticked.
    form = make({name: text for name, text in kept["typed"].items() if text})
    form.is_valid()
    for field, message in kept["errors"]:
        shown = field == NON_FIELD_ERRORS or field in form.fields
        if shown and message not in form.errors.get(field, []):
            form.add_error(None if field == NON_FIELD_ERRORS else field, message)
    return form, kept["more"]
