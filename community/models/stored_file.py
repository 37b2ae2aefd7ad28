"""Files that belong to the record: evidence that somebody attached, papers that a job made."""

import hashlib
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from community.models.community import Community

if TYPE_CHECKING:
    from community.models.user import User


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def visible_to(self, user: "User") -> "StoredFileQuerySet":
        """Files of the communities where `user` works."""
        return self.filter(community__in=Community.objects.visible_to(user))


class StoredFile(models.Model):
    """A file kept in the database: it commits with what it proves and is on every server."""

    MOST_BYTES = 10_000_000

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="files", verbose_name=_("community")
    )
    name = models.CharField(_("name"), max_length=200)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("stored at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("stored by"),
    )

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def keep(
        cls,
        *,
        community: Community,
        name: str,
        content_type: str,
        content: bytes,
        by: "User | None",
    ) -> "StoredFile":
        """Stores `content` under `name`, which is for people: nothing is ever looked up by it."""
        return cls.objects.create(
            community=community,
            name=name[-200:],
            content_type=content_type,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            created_by=by,
        )
