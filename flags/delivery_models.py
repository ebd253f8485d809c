"""Rows behind delivery: who may read, what is read, and when it was last asked for."""

from django.db import models
from django.db.models import Q

from flags.keys import SCOPES


class SdkKey(models.Model):
    """A credential of an SDK, an importer or a script. Only the prefix and an HMAC of it are stored."""

    environment = models.ForeignKey("flags.Environment", on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scope = models.CharField(max_length=8, choices=[(scope, scope) for scope in SCOPES])
    accepts_history = models.BooleanField(default=False)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replacement")
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["environment", "name", "-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accepts_history=False) | Q(scope__in=["server", "ingest"]),
                name="history_is_for_server_and_ingest_keys",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class ConfigDocument(models.Model):
    """What SDKs of one environment download; rebuilt by the transaction that publishes a change.

    `shared_digest` is over what flags refer to (layers, holdouts, segments): while it stays, a change can be
    told as the flags that changed. `client_flags` are those that keys of scope client may ask for.
    """

    environment = models.OneToOneField("flags.Environment", on_delete=models.PROTECT, related_name="document")
    version = models.PositiveBigIntegerField()
    etag = models.CharField(max_length=80)
    body = models.BinaryField()
    body_gzip = models.BinaryField()
    body_brotli = models.BinaryField(default=b"")
    shared_digest = models.CharField(max_length=64, default="")
    client_flags = models.JSONField(default=list)
    built_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.environment_id} document {self.version}"


class FlagSighting(models.Model):
    """When running code last said that it asks for a flag, whether the answer was an exposure or not."""

    environment = models.ForeignKey("flags.Environment", on_delete=models.PROTECT, related_name="+")
    flag = models.ForeignKey("flags.Flag", on_delete=models.PROTECT, related_name="sightings")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "flag"], name="flag_seen_once_per_environment")
        ]

    def __str__(self) -> str:
        return f"{self.flag_id} seen {self.last_at}"
