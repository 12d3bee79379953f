"""What the views do."""

from django.db import models


class Effect(models.Model):
    """A row for each time that a view took effect."""

    label = models.TextField()
