"""The command line of the ceremonies. Secrets come from a file or a prompt, never from here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509

from certs.ceremony import protocol as protocols
from certs.ceremony import runs
from certs.ceremony.errors import CeremonyError, Refused
from certs.ceremony.home import Home
from certs.ceremony.protocol import Protocol
from certs.ceremony.requests import Request, read_folder
from certs.keystores import words
from certs.keystores.errors import KeyStoreError
from certs.keystores.kinds import AUTHORITY_KINDS

LEAST_WITNESSES = 2
_NOT_FOR_AUTHORITIES = {"removeFromCRL", "certificateHold"}
REASONS = [reason.value for reason in x509.ReasonFlags if reason.value not in _NOT_FOR_AUTHORITIES]
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (CeremonyError, KeyStoreError, ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m certs.ceremony",
        description="The ceremonies of an alliance's root, on a machine without network. Every run is "
        "written into a protocol that the root's key signs.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    root = _command(commands, "root", _root, "make the root: key, certificate, first revocation list")
    root.add_argument("--alliance", required=True, help="the organisation in the authorities' names")
    root.add_argument("--public-url", required=True, help="the console's address, for good: https://…")
    root.add_argument("--key-kind", default="P-384", choices=sorted(AUTHORITY_KINDS))
    sign = _command(commands, "sign", _sign, "certify the issuing authorities that a console asks for")
    sign.add_argument("--requests", type=Path, required=True, help="folder written by request_authorities")
    sign.add_argument("--yes", action="store_true", help="the fingerprints were compared before")
    cross = _command(commands, "cross-sign", _cross_sign, "certify another root's key under this root")
    cross.add_argument("--certificate", type=Path, required=True, help="the other root's certificate")
    cross.add_argument("--yes", action="store_true", help="the fingerprint was compared before")
    crl = _command(commands, "crl", _crl, "sign the root's revocation list")
    crl.add_argument("--revoke", action="append", default=[], metavar="SERIAL", help="in hex; repeatable")
    crl.add_argument("--reason", default="unspecified", choices=REASONS)
    crl.add_argument("--days", type=int, default=365, help="until the next one is due at the latest")
    verify = commands.add_parser("verify-protocol", help="check every byte of a protocol")
    verify.add_argument("protocol", type=Path)
    verify.add_argument("--certificate", type=Path, help="the root's, known from elsewhere")
    verify.add_argument("--head", help="SHA-256 noted after an earlier ceremony: its entry must be there")
    verify.set_defaults(run=_verify)
    return parser


def _command(commands: _Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text)
    made.set_defaults(run=run)
    made.add_argument("--home", type=Path, required=True, help="the root's folder on this machine")
    made.add_argument("--root", default="root", help="which root: root, later ones root-2, …")
    made.add_argument("--out", type=Path, help="folder that goes back to the console")
    made.add_argument("--witness", action="append", default=[], help="a name; asked for when left out")
    made.add_argument("--passphrase-file", type=Path, help="its first line; asked for when left out")
    made.add_argument("--key", default="", metavar="pkcs11:TOKEN/LABEL", help="the root's key in a device")
    made.add_argument("--module", default="", help="the device's PKCS#11 library")
    return made


def _root(options: argparse.Namespace) -> None:
    session = _session(options, twice=True)
    made = runs.make_root(
        session, alliance=options.alliance, public_url=options.public_url, kind=options.key_kind
    )
    _finish(options, session.home)
    print(f"root: {made.subject.rfc4514_string()}, to {made.not_valid_after_utc:%F}")


def _sign(options: argparse.Namespace) -> None:
    requests, files = read_folder(options.requests)
    for request in requests:
        print(_shown(request))
    _agreed(options, "Are these the fingerprints that the console showed? Type yes: ")
    session = _session(options)
    for part in runs.sign(session, requests, files):
        print(f"{part.name}: serial {part.certificate.serial_number:x}")
    _finish(options, session.home)


def _cross_sign(options: argparse.Namespace) -> None:
    data = options.certificate.read_bytes()
    other = _certificate(data)
    print(f"{other.subject.rfc4514_string()}: SPKI SHA-256 {protocols.spki_sha256(other.public_key())}")
    _agreed(options, "Is this the other root's fingerprint? Type yes: ")
    session = _session(options)
    part = runs.cross_sign(session, other, {options.certificate.name: data})
    print(f"{part.name} by {session.home.name}: serial {part.certificate.serial_number:x}")
    _finish(options, session.home)


def _crl(options: argparse.Namespace) -> None:
    session = _session(options)
    revoke = [(int(serial, 16), x509.ReasonFlags(options.reason)) for serial in options.revoke]
    if not 1 <= options.days <= 400:
        raise Refused("a root's revocation list holds for 1 to 400 days")
    part = runs.revocation_list(session, revoke, period=timedelta(days=options.days))
    made = x509.load_der_x509_crl(part.der)
    print(f"revocation list of {part.name}: {len(made)} entries, next until {made.next_update_utc:%F}")
    _finish(options, session.home)


def _verify(options: argparse.Namespace) -> None:
    known = _certificate(options.certificate.read_bytes()) if options.certificate else None
    protocol = protocols.read(options.protocol.read_bytes(), root=known, head=options.head)
    for entry in protocol.entries:
        signed = ", ".join(part["name"] for part in entry["signed"])
        people = ", ".join(entry["by"]["witnesses"])
        print(f"{entry['number']}. {entry['at']} {entry['action']}: {signed} (witnesses: {people})")
    print(f"root SPKI SHA-256 {protocols.spki_sha256(protocol.root.public_key())}")
    print(f"{len(protocol.entries)} entries, unchanged; head {protocol.head}")


def _session(options: argparse.Namespace, *, twice: bool = False) -> runs.Session:
    home = Home(options.home, options.root, options.key, options.module)
    witnesses = _witnesses(options.witness)
    new = twice and not home.key_exists()
    secret = words.obtain(options.passphrase_file, f"Passphrase or PIN of {home.name}", twice=new)
    return runs.Session(home, secret, witnesses)


def _witnesses(given: list[str]) -> list[str]:
    names = [name.strip() for name in given if name.strip()]
    while not given:
        name = input("Witness (nothing more: empty line): ").strip()
        if not name:
            break
        names.append(name)
    if len(set(names)) < LEAST_WITNESSES:
        raise Refused(f"a ceremony has at least {LEAST_WITNESSES} witnesses")
    return names


def _agreed(options: argparse.Namespace, question: str) -> None:
    if not options.yes and input(question).strip().lower() != "yes":
        raise Refused("nobody confirmed the fingerprints; nothing was signed")


def _shown(request: Request) -> str:
    hosts = f", hosts {', '.join(request.hosts)}" if request.hosts else ""
    return f"{request.name}: SPKI SHA-256 {request.spki_sha256}{hosts}"


def _finish(options: argparse.Namespace, home: Home) -> None:
    protocol: Protocol = home.protocol()
    if options.out:
        home.release(options.out)
    print(f"protocol: {len(protocol.entries)} entries, head {protocol.head}: write it down")


def _certificate(data: bytes) -> x509.Certificate:
    if data.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)
