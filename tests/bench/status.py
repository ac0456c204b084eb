"""Revocation lists and OCSP answers beside django-ca's."""

from __future__ import annotations

from tests.bench import certs_status as ours
from tests.bench import table
from tests.bench.peer import Peer

ENTRIES, MANY_ENTRIES = 10_000, 100_000
ANSWERS, PEERS_ANSWERS = 5000, 1000


def measure(peer: Peer) -> None:
    _answers(peer)
    print()
    _lists(peer)


def _answers(peer: Peer) -> None:
    table.heading("django-ca")
    theirs = peer.rate("ocsp", PEERS_ANSWERS)
    table.row("OCSP, signed on demand with the client's nonce", ours.signed_answers(ANSWERS), theirs)
    table.row("OCSP, from the prepared store", ours.prepared_answers(ANSWERS), theirs)


def _lists(peer: Peer) -> None:
    """Milliseconds; the memory is the peak of a process that only builds the list."""
    table.heading("django-ca")
    theirs = peer.run("crl", ENTRIES)
    few, many = ours.revocation_list(ENTRIES), ours.revocation_list(MANY_ENTRIES)
    table.row(f"list of {ENTRIES:,} entries", few.seconds * 1000, theirs["seconds"] * 1000, unit=" ms")
    print(
        f"\nA list of {MANY_ENTRIES:,} entries: {many.seconds * 1000:.0f} ms to build, "
        f"{many.memory_mib:.0f} MiB, {many.octets / 1e6:.1f} MB long."
    )
