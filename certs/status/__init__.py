"""What relying parties are told of certificates: revocation lists, OCSP answers, and where both are.

``entries`` and ``addresses`` are for whoever issues or changes a status; the rest publishes and answers.
"""

from certs.status.addresses import authority_url, crl_url, full_crl_url, issuer_url, ocsp_url
from certs.status.entries import encode, shard_of

__all__ = ["authority_url", "crl_url", "encode", "full_crl_url", "issuer_url", "ocsp_url", "shard_of"]
