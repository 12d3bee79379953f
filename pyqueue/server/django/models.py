"""The table of keys and answers, in the site's own database."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """A key that an attempt has claimed, or that has its answer. Times are Unix times in seconds, by the
    database server's clock, so that `USE_TZ` makes no difference."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    """SHA-256 of the key as hexadecimal: the key may be longer than an index takes."""
    key = models.TextField()
    """For people who look: host, principal and the client's key, one a line."""
    fingerprint = models.BinaryField()
    token = models.CharField(max_length=32)
    claimed_at = models.FloatField()
    ends_at = models.FloatField(db_index=True)
    """Of the lease, or once there is a status of the answer."""
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.TextField(default="[]")
    body = models.BinaryField(default=b"")

    class Meta:
        app_label = "pyqueue"
        db_table = "pyqueue_idempotency_key"
        verbose_name = "idempotency key"

    def __str__(self) -> str:
        return str(self.key).replace("\n", " ")
