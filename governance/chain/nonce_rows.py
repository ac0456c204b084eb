"""The table of transaction numbers that were given out."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountNonce(models.Model):
    """The next transaction number of an account of the console's, on one chain.

    A chain may serve as several ledgers, and all of them are sent to from the one relay account: the number
    is the chain's and the account's, whoever sends. See :mod:`governance.chain.nonces`.
    """

    chain_id = models.PositiveBigIntegerField(_("chain id"))
    genesis_hash = models.CharField(_("genesis"), max_length=66)
    address = models.CharField(_("account"), max_length=42)
    next = models.PositiveBigIntegerField(_("next number"), default=0)

    class Meta:
        verbose_name = _("account's next transaction number")
        verbose_name_plural = _("accounts' next transaction numbers")
        constraints = [
            models.UniqueConstraint(fields=["chain_id", "genesis_hash", "address"], name="account_nonce_once")
        ]

    def __str__(self) -> str:
        return f"{self.chain_id} {self.address}: {self.next}"
