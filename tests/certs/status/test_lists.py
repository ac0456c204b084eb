"""Revocation lists, whole and in parts: when they are signed, what they say, and who reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import call_command
from pytest_django.fixtures import Settings

from certs import building, keys, selectors, services, tasks
from certs.errors import ContentMismatch, KeysNotAvailable
from certs.models import Authority, Certificate, Revocation, RevocationList, RevocationReason
from certs.status import crl, crl_url, entries, files, freshness, listing, parts, signing, upkeep
from certs.status.freshness import State
from consortium.core import clock, outbox
from consortium.core.errors import NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl
from tests.certs.status.conftest import issuer_of
from tests.factories import NodeFactory

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


def published(shard: int | None = None, name: str = "nodes") -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(files.current_crl(name, shard))


def serials(crl_: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in crl_}


def numbers(shard: int | None = None) -> list[int]:
    rows = RevocationList.objects.filter(authority__name="nodes", shard=shard).order_by("number")
    return list(rows.values_list("number", flat=True))


def number_in(crl_: x509.CertificateRevocationList) -> int:
    return crl_.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


@pytest.fixture
def four_parts(pki: Pki) -> Authority:
    """The nodes' authority, its list in four parts from now on."""
    Authority.objects.filter(pk=pki.nodes.pk).update(crl_shards=4)
    crl.publish(pki.nodes.pk)
    return Authority.objects.get(pk=pki.nodes.pk)


@pytest.fixture
def spread(four_parts: Authority, certify: Certify, heming: Node, zhou_lan: User) -> list[Certificate]:
    """Certificates of three nodes of Heming Bank, in at least two parts of the list."""
    found: list[Certificate] = []
    while len(found) < 3 or len({certificate.crl_shard for certificate in found}) < 2:
        node = NodeFactory(institution=heming.institution, name=f"settlement-{len(found) + 2}")
        found.append(certify(node, zhou_lan))
    return found


def test_a_revocation_is_in_the_full_list_and_in_its_own_part_alone(
    spread: list[Certificate], wang_min: User
) -> None:
    victim = spread[0]
    before = {shard: numbers(shard) for shard in (None, 0, 1, 2, 3)}
    services.revoke(victim, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    serial = int(victim.serial_id, 16)
    assert serial in serials(published())
    for shard in range(4):
        assert (serial in serials(published(shard))) == (shard == victim.crl_shard)
        grown = len(numbers(shard)) - len(before[shard])
        assert grown == (1 if shard == victim.crl_shard else 0)  # the other parts are as they were
    entry = published(victim.crl_shard).get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise


def test_a_part_names_its_own_address_critically_and_the_certificate_the_same(
    spread: list[Certificate],
) -> None:
    for certificate in spread:
        leaf = x509.load_der_x509_certificate(bytes(certificate.der))
        wanted = crl_url(certificate.authority, certificate.crl_shard)
        (point,) = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        own = published(certificate.crl_shard).extensions.get_extension_for_class(
            x509.IssuingDistributionPoint
        )
        assert own.critical
        assert own.value.full_name == point.full_name == [x509.UniformResourceIdentifier(wanted)]
    with pytest.raises(x509.ExtensionNotFound):
        published().extensions.get_extension_for_class(x509.IssuingDistributionPoint)


def test_openssl_checks_a_certificate_by_its_part(
    pki: Pki, spread: list[Certificate], wang_min: User, workstation: Workstation
) -> None:
    services.revoke(spread[0], reason="superseded", actor=wang_min)
    outbox.drain("signing")
    assert verified(pki, spread[0], workstation, spread[0].crl_shard) == (2, True)
    other = next(c for c in spread if c.crl_shard != spread[0].crl_shard)
    assert verified(pki, other, workstation, other.crl_shard) == (0, False)
    # The wrong part does not do: openssl sees by its distribution point that it is for other certificates.
    assert verified(pki, other, workstation, spread[0].crl_shard)[0] == 2


def verified(
    pki: Pki, certificate: Certificate, workstation: Workstation, shard: int | None
) -> tuple[int, bool]:
    """Exit code of ``openssl verify -crl_check``, and whether it says that the certificate is revoked."""
    list_pem = openssl("crl", "-inform", "DER", data=files.current_crl("nodes", shard)).stdout
    file = workstation.file
    done = openssl(
        "verify", "-crl_check",
        "-CAfile", file("root.pem", selectors.pem(pki.root.der).encode()),
        "-untrusted", file("nodes.pem", selectors.pem(pki.nodes.der).encode()),
        "-CRLfile", file("crl.pem", list_pem),
        file("leaf.pem", selectors.pem(certificate.der).encode()),
        check=False,
    )  # fmt: skip
    return done.returncode, b"certificate revoked" in done.stderr


def test_openssl_checks_by_the_full_list(
    pki: Pki, certificate: Certificate, wang_min: User, workstation: Workstation
) -> None:
    assert verified(pki, certificate, workstation, None) == (0, False)
    services.revoke(certificate, reason=RevocationReason.CESSATION_OF_OPERATION, actor=wang_min)
    outbox.drain("signing")
    assert verified(pki, certificate, workstation, None) == (2, True)


def test_a_suspension_is_listed_as_a_hold_and_vanishes_on_release(
    pki: Pki, certificate: Certificate, wang_min: User
) -> None:
    serial = int(certificate.serial_id, 16)
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    for shard in (None, certificate.crl_shard):
        entry = published(shard).get_revoked_certificate_by_serial_number(serial)
        assert entry is not None
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        assert reason is x509.ReasonFlags.certificate_hold
    services.release(certificate, comment="Found", actor=wang_min)
    outbox.drain("signing")
    assert serial not in serials(published())
    assert serial not in serials(published(certificate.crl_shard))


def test_revoked_while_suspended_is_one_entry(certificate: Certificate, wang_min: User) -> None:
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    found = [entry for entry in published() if entry.serial_number == int(certificate.serial_id, 16)]
    assert len(found) == 1
    reason = found[0].extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise


@pytest.mark.parametrize("reason", RevocationReason.values)
def test_every_reason_reads_in_openssl(reason: str, certificate: Certificate, wang_min: User) -> None:
    services.revoke(certificate, reason=reason, actor=wang_min)
    outbox.drain("signing")
    text = openssl("crl", "-inform", "DER", "-text", "-noout", data=files.current_crl("nodes")).stdout
    assert certificate.serial_id.upper().encode() in text
    # RFC 5280: "unspecified" is said by saying nothing.
    assert (b"Reason Code" in text) == (reason != "unspecified")


def test_the_lists_issuer_is_the_authoritys_subject_octet_by_octet(pki: Pki) -> None:
    """Lists whose issuer was encoded another way matched no certificate."""
    subject = parts.subject_of(bytes(pki.nodes.der))
    assert subject == issuer_of(pki.nodes).subject.public_bytes()
    for shard in (None, 0):
        assert subject in published(shard).tbs_certlist_bytes
        done = openssl(
            "crl", "-inform", "DER", "-noout", "-verify", "-CAfile", str(pki.pki_dir / "chain.pem"),
            data=files.current_crl("nodes", shard),
        )  # fmt: skip
        assert b"verify OK" in done.stderr


@pytest.mark.parametrize("shard", [None, 0])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_list_is_the_librarys_octet_by_octet(pki: Pki, count: int, shard: int | None) -> None:
    """All but the signature, which differs each time."""
    now = clock.now().replace(microsecond=0)
    reasons = [*RevocationReason.values, entries.HOLD]
    listed = [(building.new_serial(), reasons[n % len(reasons)]) for n in range(count)]
    encoded = b"".join(entries.encode(serial, now, reason) for serial, reason in listed)
    ours = x509.load_der_x509_crl(
        listing.build(
            pki.nodes,
            shard,
            number=77,
            validity=(now, now + timedelta(hours=24)),
            entries=listing.Entries(count, encoded),
            signer=signing.of_authority(pki.nodes),
        )
    )
    issuer = issuer_of(pki.nodes)
    key_identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder(
            revoked_certificates=[library_entry(serial, now, reason) for serial, reason in listed]
        )
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + timedelta(hours=24))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_identifier), False)
        .add_extension(x509.CRLNumber(77), False)
    )
    if shard is not None:
        builder = builder.add_extension(own_point(crl_url(pki.nodes, shard)), critical=True)
    key = keys.open_key("nodes")
    assert not isinstance(key, type(None))
    theirs = builder.sign(key, hashes.SHA256())
    assert ours.tbs_certlist_bytes == theirs.tbs_certlist_bytes
    assert ours.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]


def library_entry(serial: int, at: object, reason: str) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)  # type: ignore[arg-type]
    if reason != "unspecified":
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False)
    return entry.build()


def own_point(url: str) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def test_a_row_without_its_entry_stops_the_list(certificate: Certificate) -> None:
    """A list that lacks a revocation would be believed."""
    Revocation.objects.create(
        certificate=certificate,
        authority=certificate.authority,
        reason="superseded",
        revoked_by_label="by hand",
        revoked_at=clock.now(),
        revision=1,
    )
    Authority.objects.filter(pk=certificate.authority_id).update(revision=1)
    with pytest.raises(ContentMismatch):
        crl.publish(certificate.authority_id)
    assert numbers() == [1]


def test_a_key_that_is_not_the_authoritys_signs_nothing(pki: Pki) -> None:
    Authority.objects.filter(pk=pki.nodes.pk).update(revision=1)
    with pytest.raises(ContentMismatch):
        crl.publish(pki.nodes.pk, open_key=lambda _name: keys.open_key("access"))
    assert numbers() == [1]


def test_publishing_again_signs_nothing_new(pki: Pki) -> None:
    file = pki.pki_dir / "nodes.crl"
    before = file.stat().st_mtime_ns
    assert crl.publish(pki.nodes.pk).number == 1
    assert numbers() == numbers(0) == [1]
    assert file.stat().st_mtime_ns == before


def test_lists_are_signed_again_from_half_their_life_on(pki: Pki) -> None:
    # the last of them: they may have been signed in two different seconds
    signed_at = RevocationList.objects.filter(authority=pki.nodes).latest("this_update").this_update
    with clock.frozen(signed_at + timedelta(hours=11, minutes=59)):
        tasks.refresh_status()
    assert numbers() == [1]
    with clock.frozen(signed_at + timedelta(hours=12)):
        tasks.refresh_status()
    assert numbers() == numbers(0) == [1, 2]
    assert published().next_update_utc == signed_at + timedelta(hours=36)
    assert number_in(published(0)) == 2


def test_a_part_that_was_ever_published_is_never_left_to_run_out(four_parts: Authority) -> None:
    """Certificates with its address are out there for a year."""
    Authority.objects.filter(pk=four_parts.pk).update(crl_shards=1)
    with clock.frozen(clock.now() + timedelta(hours=13)):
        tasks.refresh_status()
    assert numbers(3) == [1, 2]


def authority_without_key(like: Authority, name: str) -> Authority:
    """Another issuing CA whose key is not on this machine; only its row counts here."""
    return Authority.objects.create(
        name=name,
        kind=Authority.Kind.ISSUING,
        parent=like.parent,
        der=bytes(like.der),
        key_name=f"{name}-key",
        spki_sha256=hashlib.sha256(name.encode()).hexdigest(),
        not_before=like.not_before,
        not_after=like.not_after,
        created_at=like.created_at - timedelta(days=1),
    )


def test_one_authority_without_its_key_does_not_stop_the_others(pki: Pki) -> None:
    for name in ("abroad", "yonder"):  # one before "nodes" in the order of the rows, one after
        authority_without_key(pki.nodes, name)
    with clock.frozen(clock.now() + timedelta(hours=13)), pytest.raises(ExceptionGroup) as failed:
        tasks.refresh_status()
    assert [type(error) for error in failed.value.exceptions] == [KeysNotAvailable, KeysNotAvailable]
    assert [error.__notes__[0].split()[-1] for error in failed.value.exceptions] == ["abroad", "yonder"]
    assert numbers() == [1, 2]


def test_the_responder_failing_does_not_hold_up_the_lists(
    pki: Pki, certificate: Certificate, wang_min: User, settings: Settings
) -> None:
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    settings.OCSP_PASSPHRASE_FILE = str(pki.key_dir / "gone")
    for sealed in pki.key_dir.glob("ocsp-*.key"):
        sealed.unlink()
    with pytest.raises(KeysNotAvailable):
        upkeep.publish(pki.nodes.pk)
    assert int(certificate.serial_id, 16) in serials(published())


def test_an_authority_that_has_run_out_is_left_alone(pki: Pki) -> None:
    with clock.frozen(pki.nodes.not_after + timedelta(days=1)):
        tasks.refresh_status()
        assert selectors.stale_crls(clock.now()) == [pki.root]
    assert numbers() == [1]


def test_a_missed_renewal_is_told_while_the_list_still_holds(pki: Pki) -> None:
    """WidePoint's ran out unnoticed after a hardware failure."""
    signed_at = RevocationList.objects.get(authority=pki.nodes, shard=None).this_update
    assert selectors.stale_crls(signed_at + timedelta(hours=17, minutes=59)) == []
    late = signed_at + timedelta(hours=18, minutes=1)
    assert set(selectors.stale_crls(late)) == {pki.nodes, pki.access, pki.lists}
    states = {found.state for found in freshness.lists(late) if found.authority != pki.root}
    assert states == {State.LATE}
    over = freshness.lists(signed_at + timedelta(hours=25))
    assert {found.state for found in over if found.authority != pki.root} == {State.OVER}


def test_a_part_that_was_never_signed_counts_as_run_out(pki: Pki) -> None:
    Authority.objects.filter(pk=pki.nodes.pk).update(crl_shards=5)
    assert selectors.stale_crls(clock.now()) == [pki.nodes]


def checked_status() -> tuple[int, str]:
    """Exit code and output of ``manage.py check_status``."""
    output = StringIO()
    try:
        call_command("check_status", stdout=output)
    except SystemExit as ended:
        return int(ended.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_the_monitors_command_fails_when_anything_published_is_late(
    pki: Pki, certificate: Certificate
) -> None:
    code, text = checked_status()
    assert (code, "late" in text, "missing" in text) == (0, False, False), text
    (pki.pki_dir / "nodes" / "0.crl").unlink()
    code, text = checked_status()
    assert code == 1
    assert "over   nodes list, part 0 (file): missing" in text
    tasks.refresh_status()
    assert checked_status()[0] == 0
    with clock.frozen(clock.now() + timedelta(hours=15)):  # lists hold and are not late; answers are
        code, text = checked_status()
    assert code == 1
    assert [line.split(":")[0] for line in text.splitlines() if not line.startswith("fresh")] == [
        "late   nodes prepared answers"
    ] or "late   nodes prepared answers" in text  # other authorities' own certificates may be late as well


def test_files_that_are_missing_or_changed_come_back(pki: Pki) -> None:
    for name in ("nodes.crl", "nodes/0.crl", "nodes.crt", "chain.pem", "root.crl"):
        (pki.pki_dir / name).unlink()
    assert number_in(published()) == number_in(published(0)) == 1  # from the rows
    tasks.refresh_status()
    assert (pki.pki_dir / "nodes.crt").read_bytes() == bytes(pki.nodes.der)
    for shard in (None, 0):
        assert files.crl_path("nodes", shard).read_bytes() == files.current_crl("nodes", shard)
    (pki.pki_dir / "nodes.crl").write_bytes(b"overwritten by mistake")
    tasks.refresh_status()
    assert number_in(published()) == 1
    assert (pki.pki_dir / "root.crl").exists()


def test_no_key_no_list_and_the_message_waits(
    certificate: Certificate, wang_min: User, settings: Settings
) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    services.revoke(certificate, reason="superseded", actor=wang_min)
    with pytest.raises(outbox.Later):
        tasks.handle_publish_crl({"authority": str(certificate.authority_id)})
    with pytest.raises(KeysNotAvailable):
        crl.publish(certificate.authority_id)
    assert numbers() == [1]


def test_an_unknown_authority_has_no_files(pki: Pki) -> None:
    with pytest.raises(NotFound):
        files.current_crl("../keys/nodes")
    with pytest.raises(NotFound):
        files.authority_certificate("nobody")


def test_publishing_is_on_record(pki: Pki) -> None:
    event = Event.objects.filter(action="crl.published", subject_label__startswith="nodes").get()
    assert event.data == {"number": 1, "entries": 0}


def test_a_list_ends_with_its_authority(pki: Pki) -> None:
    with clock.frozen(pki.nodes.not_after - timedelta(hours=2)):
        crl.publish(pki.nodes.pk)
    assert published().next_update_utc == pki.nodes.not_after


def test_the_whole_is_der_of_what_was_signed(pki: Pki) -> None:
    """Read by the library and written again it is the same: nothing lies outside the structure."""
    for shard in (None, 0):
        assert published(shard).public_bytes(Encoding.DER) == files.current_crl("nodes", shard)
