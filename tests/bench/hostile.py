"""The same table of hostile certificate requests for both: which of them get a certificate?"""

from __future__ import annotations

import base64
from collections import Counter

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs import services
from certs.models import CertificateRequest
from consortium.core.errors import ConsoleError
from tests.bench.peer import Peer
from tests.certs.hostile import hostile_requests
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

SEED, COUNT = 20_260, 600
FIRST = "honest-0"


def measure(peer: Peer) -> None:
    seen = ec.generate_private_key(ec.SECP256R1())  # certified before, by both
    requests = list(hostile_requests(SEED, COUNT, seen=seen))
    given = "".join(f"{name} {base64.b64encode(data).decode() or '='}\n" for name, data in requests)
    given = f"{FIRST} {base64.b64encode(_honest(seen)).decode()}\n{given}"
    certified = peer.run("hostile", given=given)["issued"]
    if certified[:1] != [FIRST]:
        raise RuntimeError("the peer does not even issue for an honest request")
    theirs = Counter(map(_kind, certified[1:]))
    taken = _taken_by_us(requests, seen)
    print("| hostile requests | given | accepted by us | certified by django-ca |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| all | {len(requests)} | {sum(taken.values())} | {theirs.total()} |")
    for name, count in sorted(Counter(_kind(name) for name, _ in requests).items()):
        if theirs[name] or taken[name]:
            print(f"| {name} | {count} | {taken[name]} | {theirs[name]} |", flush=True)


def _taken_by_us(requests: list[tuple[str, bytes]], seen: ec.EllipticCurvePrivateKey) -> Counter[str]:
    """By the service that portal, API and EST call; whatever is no typed refusal ends the measurement."""
    bank = InstitutionFactory(active=True, short_name="heming-bank", legal_name_en="Heming Bank Co., Ltd.")
    node = NodeFactory(institution=bank, name="settlement-1", host="10.1.2.3")
    officer = UserFactory(institution=bank)
    other = NodeFactory(institution=bank, name="settlement-2")
    services.submit_request(node=other, profile="evm-node", csr=_honest(seen), actor=officer)
    taken: Counter[str] = Counter()
    for name, data in requests:
        try:
            services.submit_request(node=node, profile="evm-node", csr=data, actor=officer)
        except ConsoleError:
            continue
        taken[_kind(name)] += 1
    if CertificateRequest.objects.filter(node=node).exists():
        raise RuntimeError("a hostile request left something behind")
    return taken


def _honest(key: ec.EllipticCurvePrivateKey) -> bytes:
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.DER)


def _kind(name: str) -> str:
    return name.rpartition("-")[0]
