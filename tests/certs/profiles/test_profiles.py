"""Profiles are data: those we ship say what they must, and a file that is not sound stops the start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from certs import profiles, rules
from certs.errors import KeyNotAccepted, ProfileNotForThis, ProfileOff, UnknownProfile
from certs.models import Profile
from certs.profiles import PROFILES, InvalidProfile, ProfileSpec, loading, support
from certs.rules import KeyFacts

FOLDER = Path(profiles.__file__).parent
SOUND = (FOLDER / "evm-node.toml").read_text()


def test_each_profile_of_the_tables_has_its_file_and_each_file_its_profile() -> None:
    assert set(PROFILES) == set(Profile.values)


@pytest.mark.parametrize("spec", PROFILES.values(), ids=list(PROFILES))
def test_no_profile_certifies_an_authority(spec: ProfileSpec) -> None:
    """FISCO BCOS exempts a leaf without basicConstraints, or with CA:TRUE, from its lists."""
    text = (FOLDER / f"{spec.name}.toml").read_text()
    assert "basic_constraints = { ca = false, critical = true }" in text
    assert spec.extensions.basic_constraints_critical


@pytest.mark.parametrize(
    ("name", "keys", "keeps", "purpose", "needs"),
    [
        ("fisco-bcos-3", "RSA 2048", False, "nodes", "node"),
        ("fisco-bcos-2", "secp256k1", True, "nodes", "node"),
        ("evm-node", "P-256, RSA 3072–8192", False, "nodes", "node"),
        ("client", "P-256, P-384, RSA 3072–8192", False, "access", "holder"),
        ("officer", "P-256, P-384, RSA 3072–8192", False, "access", "holder"),
        ("ocsp", "P-256", False, "own", "console"),
        ("gateway", "P-256", False, "access", "console"),
        ("fisco-bcos-3-sm", "SM2", False, "sm-nodes", "node"),
        ("fisco-bcos-3-sm-enc", "SM2", False, "sm-nodes", "node"),
    ],
)
def test_what_each_is_for(name: str, keys: str, keeps: bool, purpose: str, needs: str) -> None:
    spec = rules.profile(name)
    assert (", ".join(map(str, spec.keys)), spec.keeps_key) == (keys, keeps)
    assert (spec.purpose, spec.needs) == (purpose, needs)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("fisco-bcos-3", "CN=settlement-1,O=heming-bank,OU=agency"),
        ("fisco-bcos-2", "CN=settlement-1,O=heming-bank,OU=node"),
        ("evm-node", "CN=settlement-1,O=heming-bank"),
        ("officer", "CN=settlement-1,O=heming-bank,OU=officer"),
    ],
)
def test_names_are_written_in_the_order_of_the_file(name: str, subject: str) -> None:
    """From the first to the last, as the bytes have it: a reversed order is another name."""
    made = rules.profile(name).subject("settlement-1", "heming-bank")
    assert ",".join(part.rfc4514_string() for part in made.rdns) == subject


@given(st.text(min_size=1, max_size=300))
def test_whatever_the_record_calls_it_the_name_can_be_written(name: str) -> None:
    made = rules.profile("officer").subject(name, "heming-bank")
    common = made.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert common == name if len(name.encode()) <= 64 else name.startswith(str(common))
    assert len(str(common).encode()) <= 64


def test_keys_are_used_for_what_such_keys_can_do() -> None:
    fisco, evm = rules.profile("fisco-bcos-3"), rules.profile("evm-node")
    assert fisco.usages_of("RSA") == {"digital_signature", "key_encipherment"}
    assert evm.usages_of("P-256") == {"digital_signature"}
    assert not evm.usages_of("secp256k1")


def test_renewal_opens_before_the_end() -> None:
    end = datetime(2027, 6, 1, tzinfo=UTC)
    for spec in PROFILES.values():
        assert timedelta(0) < end - spec.renewal_opens(end) < spec.period


@pytest.mark.parametrize("name", ["ocsp", "gateway", "list-signer"])
def test_the_consoles_own_profiles_are_not_for_members(name: str) -> None:
    for needs in ("node", "holder"):
        with pytest.raises(ProfileNotForThis):
            rules.check_profile(rules.profile(name), needs)


def test_a_profile_that_is_off_says_why() -> None:
    spec = profiles.parse("evm-node", 'off = "The ledger is being moved."\n' + SOUND)
    assert not spec.enabled
    with pytest.raises(ProfileOff, match="The ledger is being moved"):
        rules.check_profile(spec, "node")


def test_a_profile_is_off_where_the_machine_lacks_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = rules.profile("fisco-bcos-3-sm")
    monkeypatch.setattr("certs.sm2.library.available", lambda: "this OpenSSL has no SM2")
    assert (spec.enabled, spec.why_off) == (False, "this OpenSSL has no SM2")
    monkeypatch.setattr("certs.sm2.library.available", lambda: "")
    assert spec.enabled
    assert support.lacking("") == ""


def test_a_profile_nobody_wrote_is_not_there() -> None:
    with pytest.raises(UnknownProfile) as refusal:
        rules.profile("root\x00\u202e")
    assert refusal.value.params["profile"].isprintable()


@given(
    st.sampled_from(sorted(PROFILES)),
    st.sampled_from(["RSA", "P-256", "SM2", "Ed448"]),
    st.integers(0, 20_000),
)
def test_no_key_passes_that_the_profile_does_not_list(name: str, kind: str, bits: int) -> None:
    spec = rules.profile(name)
    listed = any(each.kind == kind and each.least <= bits <= each.most for each in spec.keys)
    try:
        rules.check_key(spec, KeyFacts(kind, bits, 65537))
    except KeyNotAccepted:
        assert not listed
    else:
        assert listed


# --- Files that are not sound -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("days = 365", "days = 0", "days"),
        ("days = 365", "days = 826", "days"),
        ("days = 365", "days = true", "days"),
        ("days = 365", 'days = "365"', "days"),
        ("days = 365\n", "", "days"),
        ("renewal_days = 60", "renewal_days = 365", "renewal_days"),
        ("keeps_key = false", "keeps_keys = false", "keeps_key"),
        ("keeps_key = false", "keeps_key = false\nca = true", "ca"),
        ('authority = "nodes"', 'authority = "root"', "authority"),
        ('authority = "nodes"', 'authority = "sm-nodes"', "authority"),
        ('needs = "node"', 'needs = "anybody"', "needs"),
        ('needs = "node"', 'needs = "node"\nin_person = true', "in_person"),
        ('needs = "node"', 'needs = "node"\nfamily = "sm"', "family"),
        ('needs = "node"', 'needs = "node"\nrequires = "luck"', "requires"),
        ('["CN", "{name}"], ', "", "subject"),
        ('["CN", "{name}"]', '["CN", "{name}", "x"]', "subject"),
        ('["CN", "{name}"]', '["CN", "{nme}"]', "subject"),
        ('["CN", "{name}"]', '["X", "{name}"]', "subject"),
        ('["O", "{institution}"]', '["O", "Heming"]', "subject"),
        ('["O", "{institution}"]', '["O", "{institution}"], 7', "subject"),
        ('kind = "P-256"', 'kind = "P-192"', "kind"),
        ('kind = "P-256"', 'kind = "P-256"\nbits = 256', "bits"),
        ("least = 3072", "least = 1024", "least"),
        ("most = 8192", "most = 2048", "most"),
        ('["digital_signature"]', '["key_cert_sign"]', "usages"),
        ('["digital_signature"]', "[]", "usages"),
        ('["digital_signature"]', '["digital_signature", "digital_signature"]', "usages"),
        ('["digital_signature"]', '["key_encipherment"]', "usages"),
        ("ca = false", "ca = true", "ca"),
        ("ca = false", "ca = 0", "ca"),
        ("ca = false, ", "", "ca"),
        ('"client_auth"', '"any"', "usages"),
        ("names = { critical = false }\n", "", "names"),
        ('status = "list-and-responder"', 'status = "none"', "status"),
        ('status = "list-and-responder"', 'status = "nocheck"', "status"),
        ('status = "list-and-responder"', 'status = "list-and-responder"\npolicy = 1', "policy"),
        (", critical = false }\nnames", " }\nnames", "critical"),
        ("[extensions]", "[extension]", "extensions"),
        ("[[keys]]", "[[key]]", "keys"),
        ("[extensions]", "[extensions", ""),
    ],
)
def test_a_file_that_is_not_sound_is_refused_and_the_place_is_named(old: str, new: str, where: str) -> None:
    assert old in SOUND
    with pytest.raises(InvalidProfile) as refusal:
        profiles.parse("evm-node", SOUND.replace(old, new))
    assert str(refusal.value).startswith("evm-node: ")
    assert where in str(refusal.value)


@given(st.data())
def test_a_file_with_a_line_lost_or_doubled_is_refused_or_still_sound(data: st.DataObject) -> None:
    lines = SOUND.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at : at + 1] = data.draw(st.sampled_from([[], [lines[at]] * 2]))
    try:
        spec = profiles.parse("evm-node", "\n".join(lines))
    except InvalidProfile:
        return
    assert spec.extensions.basic_constraints_critical
    assert all(each.kind != "RSA" or each.least >= 2048 for each in spec.keys)


def test_a_folder_without_profiles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProfile):
        loading.load(tmp_path)
