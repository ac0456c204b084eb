"""pkilint's linter for RFC 5280 certificates, set up once a process and only where something is issued.

Of pkilint's linters this is the one that fits: the others hold a certificate to rules of the public web's
browsers (CA/Browser Forum) or of European trust services (ETSI), which a private authority neither follows
nor may claim to.

What stops issuance: fatal, error and warning. A warning is a SHOULD of RFC 5280 (a CRL distribution point
that is critical, no subject key identifier, …); our profiles are ours to write, so none of them needs an
exception, and one that turns up means that a profile or the code changed. A notice is the linter saying
what it does not know (a key algorithm, a way to compute an identifier), such as SM2: that stops nothing and
is handed back, for the audit's report. Informative findings are passed over.

Two checks are made by ourselves instead. pkilint takes a URI for wrong that is no web address with a dotted
host, while RFC 5280 (section 4.2.1.6) asks for an absolute URI by RFC 3986, which a URN is. So what it says
of our own URNs and of addresses below PUBLIC_URL, which may be ``localhost`` on a developer's machine, is
set aside; of every other URI it stops the certificate.

And it takes an SM2 key for one of the elliptic curves to which nobody encrypts (RFC 5480 section 3), while
SM2 is also a way to encrypt (GB/T 32918.4) and GM/T 0015 gives a node one certificate for that. So it is set
aside that such a certificate is for encrypting, as long as it is for nothing else.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from cryptography import x509
from django.conf import settings

from certs.ceremony.composing import files_url
from certs.errors import LintFinding
from certs.issuing import reading
from certs.issuing.traversal import Traversal
from certs.sm2 import names

_URI = "pkix.invalid_uri_syntax"
_USAGE = "pkix.key_usage_value_prohibited_for_ec"
_DOMAIN = "pkix.invalid_domain_name_syntax"
# RFC 1034 section 3.5 has names of one label, such as localhost or a gateway's within a bank; pkilint has not
_LABEL = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_URN = re.compile(rf"urn:consortium:{_UUID}:(node:{_UUID}|holder:[0-9]{{1,19}})")


def lint(certificate: bytes) -> list[str]:
    """The notices, by code; raises LintFinding with the first that stops the certificate (DER)."""
    severe, notices = _findings(certificate)
    if severe:
        raise LintFinding(finding=", ".join(severe))
    return notices


def _findings(certificate: bytes) -> tuple[list[str], list[str]]:
    from pkilint import loader
    from pkilint.validation import ValidationFindingSeverity as Severity

    try:
        document = loader.load_der_certificate(certificate)
    except ValueError:
        return ["base.unreadable"], []
    severe, notices, encrypts = [], [], _is_for_sm2_encryption(certificate)
    for result in _linter().results(document.root):
        for found in result.finding_descriptions:
            if found.finding.code == _URI and _is_ours(str(result.node.pdu)):
                continue
            if found.finding.code == _DOMAIN and _LABEL.fullmatch(str(result.node.pdu)):
                continue
            if found.finding.code == _USAGE and encrypts:
                continue
            if found.finding.severity <= Severity.WARNING:
                severe.append(found.finding.code)
            elif found.finding.severity == Severity.NOTICE:
                notices.append(found.finding.code)
    return severe, notices


def _is_ours(uri: str) -> bool:
    """A name that we give, or an address of what we publish."""
    places = {files_url(settings.PUBLIC_URL), f"{settings.PUBLIC_URL.rstrip('/')}/pki"}
    return bool(_URN.fullmatch(uri)) or uri.startswith(tuple(f"{place}/" for place in places))


def _is_for_sm2_encryption(certificate: bytes) -> bool:
    """Has it an SM2 key, and may that key sign nothing?"""
    if not names.is_sm2(reading.spki_of(certificate)):
        return False
    values = (extension.value for extension in x509.load_der_x509_certificate(certificate).extensions)
    usages = [value for value in values if isinstance(value, x509.KeyUsage)]
    signs = (
        (usage.digital_signature, usage.content_commitment, usage.key_cert_sign, usage.crl_sign)
        for usage in usages
    )
    return bool(usages) and not any(map(any, signs))


@cache
def _linter() -> Traversal:
    """The validators of RFC 5280; a third of a second to import, hence not with the module."""
    # It logs what it also reports, with a stack trace for each thing that it does not know.
    logging.getLogger("pkilint").setLevel(logging.CRITICAL)
    return Traversal(_container())


def _container() -> Any:
    """pkilint's own validators for the certificates of RFC 5280."""
    from pkilint.pkix import certificate, extension, name

    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
