"""The same table of hostile certificate requests for both: which of them get a certificate?"""

from __future__ import annotations

import base64
from collections import Counter

from certs import services
from certs.models import CertificateRequest
from consortium.core.errors import ConsoleError
from tests.bench.peer import Peer
from tests.certs.hostile import hostile_requests
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

SEED, COUNT = 20_260, 600


def measure(peer: Peer) -> None:
    requests = list(hostile_requests(SEED, COUNT))
    given = "".join(f"{name} {base64.b64encode(data).decode() or '='}\n" for name, data in requests)
    theirs = Counter(map(_kind, peer.run("hostile", given=given)["issued"]))
    taken = _taken_by_us(requests)
    print("| hostile requests | given | accepted by us | certified by django-ca |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| all | {len(requests)} | {sum(taken.values())} | {theirs.total()} |")
    for name, count in sorted(Counter(_kind(name) for name, _ in requests).items()):
        if theirs[name] or taken[name]:
            print(f"| {name} | {count} | {taken[name]} | {theirs[name]} |", flush=True)


def _taken_by_us(requests: list[tuple[str, bytes]]) -> Counter[str]:
    """By the service that portal, API and EST call; whatever is no typed refusal ends the measurement."""
    bank = InstitutionFactory(active=True, short_name="heming-bank", legal_name_en="Heming Bank Co., Ltd.")
    node = NodeFactory(institution=bank, name="settlement-1", host="10.1.2.3")
    officer = UserFactory(institution=bank)
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


def _kind(name: str) -> str:
    return name.rpartition("-")[0]
