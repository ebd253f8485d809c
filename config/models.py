"""What the site itself remembers."""

from django.conf import settings
from django.db import models


class LoginFailure(models.Model):
    """One wrong password, kept for a day. `name` is what was typed, be there such an account or not."""

    name = models.CharField(max_length=150)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["name", "at"], name="login_failure_by_name"),
            models.Index(fields=["address", "at"], name="login_failure_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.name} from {self.address} at {self.at:%Y-%m-%d %H:%M:%S}"


class StoredAnswer(models.Model):
    """The answer to a request with an `Idempotency-Key`, kept for a day.

    `name` is the hash of the key and of who sent it; `body` is null where the answer held a secret.
    """

    name = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    body = models.BinaryField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="stored_answer_once")]
        indexes = [models.Index(fields=["at"], name="stored_answer_by_time")]

    def __str__(self) -> str:
        return f"{self.status} at {self.at:%Y-%m-%d %H:%M:%S}"


class Identity(models.Model):
    """Who somebody is at the single sign-on provider: its name for a person lasts, user names may not."""

    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
