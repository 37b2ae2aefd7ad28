"""Proof that somebody attaches: a picture or a PDF, known by its bytes and not by its name."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from community.models import Community, StoredFile, User

# What a file of each kind begins with.
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}


def type_of(beginning: bytes) -> str | None:
    """The kind of a file by its first bytes; None for a kind that is not taken."""
    for content_type, magic in _BEGINNINGS.items():
        if beginning.startswith(magic):
            return content_type
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    return None


class EvidenceField(forms.FileField):
    """A photo or PDF of at most ten megabytes."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Evidence"))
        kwargs.setdefault("help_text", _("A photo or a PDF of at most 10 MB."))
        kwargs.setdefault(
            "widget",
            forms.ClearableFileInput(
                attrs={
                    "accept": "image/jpeg,image/png,image/webp,application/pdf",
                    "class": "form-control",
                }
            ),
        )
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        if not isinstance(upload, UploadedFile):
            return upload
        if (upload.size or 0) > StoredFile.MOST_BYTES:
            raise forms.ValidationError(
                _("This file is larger than 10 MB. Please take a smaller one."), code="size"
            )
        found = type_of(upload.read(16))
        upload.seek(0)
        if found is None:
            raise forms.ValidationError(
                _("This is neither a photo nor a PDF. Please choose another file."), code="type"
            )
        upload.content_type = found
        return upload


def keep_evidence(
    upload: UploadedFile | None, *, community: Community, by: User
) -> StoredFile | None:
    """The file of a checked `EvidenceField`, stored; None for none."""
    if not upload:
        return None
    return StoredFile.keep(
        community=community,
        name=upload.name or "",
        content_type=upload.content_type or "",
        content=upload.read(),
        by=by,
    )
