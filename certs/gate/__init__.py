"""The gate: what anybody may send, looked at in a fixed order; the first thing wrong refuses it.

1 well-formed and of bounded size, 2 proof of possession (:func:`read`); 3 the profile, 4 weak keys
(:func:`check`). What needs the record follows in :mod:`certs.services.requests`: 4 keys seen before, 5 whose
node it is, 6 how many came before, 7 a second person. Nothing of a request but its public key reaches a
certificate.
"""

from __future__ import annotations

from certs import rules
from certs.gate import weak
from certs.gate.keys import fingerprint, key_facts
from certs.gate.reading import read
from certs.profiles import ProfileSpec
from certs.rules import ReadRequest

__all__ = ["ReadRequest", "check", "fingerprint", "key_facts", "read", "weak"]


def check(spec: ProfileSpec, request: ReadRequest) -> None:
    """Steps 3 and 4 as far as request and profile alone decide.

    Raises KeyNotAccepted, AsksForAuthority, WeakExponent or WeakKey.
    """
    rules.check_request(spec, request)
    weak.check(request)
