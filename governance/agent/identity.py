"""Who the node is: its certificate and key, those of the configuration or those renewed since.

A renewed pair has a folder of its own in ``state/identity/``, and ``current`` is a link to one: a change over
is one rename, so key and certificate belong together whenever the agent is killed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from governance.agent.config import Config
from governance.agent.errors import ConfigError

CERTIFICATE, KEY = "node.crt", "node.key"
_URN = re.compile(r"urn:consortium:[0-9a-f-]{36}:node:([0-9a-f-]{36})")


@dataclass(frozen=True)
class Identity:
    """A certificate (the first of its file, the issuers' follow) with its key."""

    certificate_file: Path
    key_file: Path
    certificate: x509.Certificate

    @property
    def node(self) -> str:
        """The node's uuid, as the certificate names it; empty when it names none."""
        for name in uris(self.certificate):
            found = _URN.fullmatch(name)
            if found:
                return found.group(1)
        return ""


def uris(certificate: x509.Certificate) -> list[str]:
    """The certificate's alternative names that are addresses."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def current(config: Config) -> Identity:
    """The one to use: the later of the configuration's and the renewed. Raises ConfigError.

    So one that the operator puts in place by hand, after a revocation say, wins over an older renewed one.
    """
    configured = read(config.certificate_file, config.key_file)
    renewed = read(home(config) / "current" / CERTIFICATE, home(config) / "current" / KEY)
    both = [each for each in (renewed, configured) if each is not None]
    if not both:
        raise ConfigError(f"{config.certificate_file}: no certificate")
    return max(both, key=lambda each: each.certificate.not_valid_before_utc)


def former(config: Config) -> Identity | None:
    """What was used before the last change over; None once the new one has worked."""
    before = home(config) / "former"
    if not before.is_symlink():
        return None
    return read(before / CERTIFICATE, before / KEY) or read(config.certificate_file, config.key_file)


def home(config: Config) -> Path:
    return config.state_dir / "identity"


def read(certificate_file: Path, key_file: Path) -> Identity | None:
    """None where there is no certificate that can be read."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except (OSError, ValueError):
        return None
    return Identity(certificate_file, key_file, certificate)
