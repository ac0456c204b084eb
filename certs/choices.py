"""What rows choose from: profiles, and the reasons of a revocation."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Profile(models.TextChoices):
    """Names of profiles; what each holds is data in ``certs/profiles``."""

    FISCO_BCOS_3 = "fisco-bcos-3", _("FISCO BCOS 3 node (RSA 2048)")
    FISCO_BCOS_2 = "fisco-bcos-2", _("FISCO BCOS 2 node (secp256k1, the key is kept)")
    FISCO_BCOS_3_SM = "fisco-bcos-3-sm", _("FISCO BCOS 3 node, 国密, signing (SM2)")
    FISCO_BCOS_3_SM_ENC = "fisco-bcos-3-sm-enc", _("FISCO BCOS 3 node, 国密, encryption (SM2)")
    EVM_NODE = "evm-node", _("EVM node (P-256 or RSA 3072 and more)")
    CLIENT = "client", _("program of a member (P-256, P-384 or RSA 3072)")
    OFFICER = "officer", _("officer of a member (P-256, P-384 or RSA 3072)")
    OCSP = "ocsp", _("status responder (P-256)")
    GATEWAY = "gateway", _("node gateway (P-256)")
    LIST_SIGNER = "list-signer", _("signer of permission lists")


class RevocationReason(models.TextChoices):
    """RFC 5280 section 5.3.1, as ``cryptography.x509.ReasonFlags`` spells them."""

    UNSPECIFIED = "unspecified", _("no reason given")
    KEY_COMPROMISE = "keyCompromise", _("the private key is, or may be, in other hands")
    AFFILIATION_CHANGED = "affiliationChanged", _("the institution's name or membership changed")
    SUPERSEDED = "superseded", _("replaced by a newer certificate")
    CESSATION_OF_OPERATION = "cessationOfOperation", _("the node was taken out of service")
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn", _("the alliance withdrew the node's admission")
