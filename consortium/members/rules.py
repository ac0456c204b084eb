"""What a value must look like: pure checks of single fields, shared by forms, API, commands and rosters.

Each takes what somebody typed and returns what is stored, or raises :class:`Refused` with a stable code;
``errors.sentence`` turns the code into words. No Django, no clock: ``today`` is handed in.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from eth_utils.address import is_checksum_address, to_checksum_address
from stdnum import lei as lei_number
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import InvalidChecksum, ValidationError

NAME_LENGTH = 200  # characters of a legal name
REASON_LENGTH = 2000
FURTHER_ADDRESSES = 7  # of a node, besides its first
FOUNDED = date(1900, 1, 1)  # no institution joined before: an earlier date is a typing error

# U+FF1D and its like too: spreadsheets of East Asian editions read them as the ASCII ones.
FORMULA_STARTS = "=+-@＝＋－＠"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, bidi and zero-width, surrogate, private, …
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]*")
_PHONE = re.compile(r"\+?[0-9(][0-9 ()-]*[0-9]")
_EMAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*/?^_`{|}~=+-]+(\.[A-Za-z0-9!#$%&'*/?^_`{|}~=+-]+)*")
_EMAIL_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}")
_HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SECP256K1_P = 2**256 - 2**32 - 977  # SEC 2, section 2.4.1: y² = x³ + 7 over this field

Address = tuple[str, int]  # host without brackets, port


class Refused(Exception):
    """A value that can't be taken. ``code`` is stable; ``params`` fill its sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


def line(value: str, maximum: int) -> str:
    """One line of visible text: stripped, NFC, without control, bidi or zero-width characters."""
    text = unicodedata.normalize("NFC", value.strip())
    if not text:
        raise Refused("required")
    _visible(text)
    if len(text) > maximum:
        raise Refused("too_long", maximum=maximum)
    return text


def name(value: str, maximum: int = NAME_LENGTH) -> str:
    """A line that no spreadsheet will run: lists of members are exported and opened in one."""
    text = line(value, maximum)
    if text[0] in FORMULA_STARTS:
        raise Refused("formula", start=text[0])
    return text


def reason(value: str) -> str:
    """A reason as it is kept for years: several lines are fine, nothing hidden is. May come out empty."""
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").strip())
    _visible(text.replace("\n", " ").replace("\t", " "))
    if len(text) > REASON_LENGTH:
        raise Refused("too_long", maximum=REASON_LENGTH)
    return text


def _visible(text: str) -> None:
    for character in text:
        if unicodedata.category(character) in _HIDDEN:
            raise Refused("hidden_character", character=f"U+{ord(character):04X}")


def slug(value: str, maximum: int = 40) -> str:
    """Lower-case ASCII letters, digits and single hyphens: a short name goes into names of certificates."""
    text = name(value, maximum)
    if not _SLUG.fullmatch(text):
        raise Refused("slug")
    return text


def uscc(value: str) -> str:
    """A unified social credit code (GB 32100-2015), 18 characters; lower case is taken and raised."""
    text = _identifier(value)
    try:
        uscc_number.validate(text)
    except InvalidChecksum:
        raise Refused("uscc_check_digit") from None
    except ValidationError:
        raise Refused("uscc_format") from None
    if len(text) != 18:  # the library drops separators; the ledger's member id has none
        raise Refused("uscc_format")
    return text


def lei(value: str) -> str:
    """A legal entity identifier (ISO 17442), 20 characters with two check digits at the end."""
    text = _identifier(value)
    if not re.fullmatch(r"[0-9A-Z]{18}[0-9]{2}", text):  # the library looks at neither length nor place
        raise Refused("lei_format")
    try:
        lei_number.validate(text)
    except ValidationError:
        raise Refused("lei_check_digits") from None
    return text


def _identifier(value: str) -> str:
    """Upper case, and plain ASCII: the library would quietly turn look-alikes into digits."""
    text = name(value, 40)
    if not text.isascii():
        raise Refused("not_ascii")
    return text.upper()


def day(value: str, today: date) -> date:
    """A date as YYYY-MM-DD that exists, not in the future."""
    text = name(value, 40)
    try:
        parsed = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise Refused("date")
    if not FOUNDED <= parsed <= today:
        raise Refused("date_out_of_range", first=FOUNDED.isoformat(), last=today.isoformat())
    return parsed


def email(value: str) -> str:
    """An e-mail address of the plain kind: dot-atom, at, a host name with a dot in it (RFC 5321, 4.1.2)."""
    text = name(value, 254)
    local, at, domain = text.rpartition("@")
    fits = len(local) <= 64 and _EMAIL_LOCAL.fullmatch(local) and _EMAIL_DOMAIN.fullmatch(domain)
    if not (at and fits):
        raise Refused("email")
    return f"{local}@{domain.lower()}"


def phone(value: str) -> str:
    """A telephone number as people write it; its leading + is no formula."""
    text = line(value, 40)
    if not _PHONE.fullmatch(text) or sum(c.isdigit() for c in text) < 5:
        raise Refused("phone")
    return text


def yes_or_no(value: str) -> bool:
    text = name(value, 40).lower()
    if text in {"yes", "true", "1", "是"}:
        return True
    if text in {"no", "false", "0", "否"}:
        return False
    raise Refused("yes_or_no")


def username(value: str) -> str:
    """Lower-case ASCII, so that no two look alike."""
    text = name(value, 150).lower()
    if not _USERNAME.fullmatch(text):
        raise Refused("username")
    return text


def version(value: str) -> str:
    """A program's version; may be empty."""
    text = value.strip()
    if text and (len(text) > 20 or not _VERSION.fullmatch(text)):
        raise Refused("version")
    return text


def voting_address(value: str) -> str:
    """An Ethereum address in EIP-55 form; all lower or all upper case is taken, a wrong checksum is not."""
    text = value.strip()
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise Refused("address_format")
    digits = text[2:]
    if digits not in {digits.lower(), digits.upper()} and not is_checksum_address(text):
        raise Refused("address_checksum")
    if not digits.strip("0"):
        raise Refused("address_zero")
    return to_checksum_address(text.lower())


def voting_address_statement(uscc: str, address: str) -> str:
    """What a voting key signs (EIP-191) to prove that its holder means to vote for the institution.

    ``address`` in EIP-55 form. The text is an interface: the ``prove`` command signs it outside.
    """
    return f"Consortium Console: {address} votes for the institution {uscc}."


def consensus_id(value: str) -> str:
    """A node's secp256k1 public key, 64 bytes as 128 lower-case hex (an enode id, a FISCO BCOS node id).

    A prefix 0x, or the 04 of an uncompressed point, is taken off. A point off the curve is refused: no node
    could have it, and a client that reads a list with it rejects the whole list.
    """
    text = value.strip().lower().removeprefix("0x")
    if len(text) == 130:
        text = text.removeprefix("04")
    if not re.fullmatch(r"[0-9a-f]{128}", text):
        raise Refused("node_id_format")
    x, y = int(text[:64], 16), int(text[64:], 16)
    on_curve = max(x, y) < _SECP256K1_P and (y * y - x * x * x - 7) % _SECP256K1_P == 0
    if not on_curve:
        raise Refused("node_id_off_curve")
    return text


def host(value: str, *, loopback: bool) -> str:
    """A node's IP address; no name, since lists match by address. ``loopback``: all runs on one machine."""
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        raise Refused("ip_address") from None
    _reachable(address, loopback=loopback)
    return str(address)


def _reachable(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, loopback: bool) -> None:
    """Refuse what no other member's node can reach, and with it the metadata services of clouds."""
    mapped = getattr(address, "ipv4_mapped", None)
    scoped = getattr(address, "scope_id", None)
    if address.is_loopback:
        if not loopback:
            raise Refused("ip_loopback")
        return
    special = address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved
    if mapped or scoped or special:
        raise Refused("ip_unreachable")


def port(value: int | str) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise Refused("port")
    return int(text)


def addresses(values: Iterable[tuple[str, int]], first: Address, *, loopback: bool) -> list[Address]:
    """A node's further addresses besides its ``first``, in their order. None may come twice."""
    found = [(host(name, loopback=loopback), port(number)) for name, number in values]
    if len(found) > FURTHER_ADDRESSES:
        raise Refused("too_many", maximum=FURTHER_ADDRESSES)
    if len({first, *found}) <= len(found):
        raise Refused("address_twice")
    return found


def address(value: str) -> Address:
    """``10.0.0.1:30303`` or ``[fd00::1]:30303`` as (host, port); the host's own rules are :func:`host`'s."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\]:([0-9]+)|([0-9.]+):([0-9]+)", value.strip())
    if found is None:
        raise Refused("address_and_port")
    return found[1] or found[3], port(found[2] or found[4])


def push_url(value: str, *, loopback: bool) -> str:
    """Where a node's agent hears that there is a new epoch: https, without password, query or fragment.

    The console calls it, so it must not lead to the console's own machine. May be empty.
    """
    text = value.strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        number = parts.port
    except ValueError:
        raise Refused("push_url") from None
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme != "https" or not parts.hostname or not plain or number == 0 or len(text) > 200:
        raise Refused("push_url")
    if not re.fullmatch(r"[\x21-\x7e]+", text) or "\\" in text:
        raise Refused("push_url")
    _push_host(parts.hostname, loopback=loopback)
    return text


def _push_host(host_name: str, *, loopback: bool) -> None:
    try:
        address = ipaddress.ip_address(host_name)
    except ValueError:
        last = host_name.rpartition(".")[2]
        if not _HOST_NAME.fullmatch(host_name) or last.isdigit() or last.startswith("0x"):
            raise Refused("push_url") from None  # numbers in disguise: 127.1, 2130706433, 0x7f.1
        if last == "localhost" and not loopback:
            raise Refused("ip_loopback") from None
    else:
        _reachable(address, loopback=loopback)
