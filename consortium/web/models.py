"""What the web keeps for itself: the API tokens of accounts, as hashes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    """An account's API token. The token itself is shown once and stored nowhere; see ``accounts``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    sha256 = models.CharField(max_length=64, unique=True)  # of 160 random bits: no salt, no slow hash needed
    created_at = models.DateTimeField(_("created"))

    def __str__(self) -> str:
        return str(self.user)
