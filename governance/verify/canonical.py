"""One way to write a document down, so that each byte of it matters."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from governance.verify.errors import NotProven

SEAL: Final = "sha256"  # the member that holds the hash of all the others


def encode(document: Any) -> bytes:
    """UTF-8, keys sorted, no blanks, one line end at the end."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def sealed(document: dict[str, Any]) -> bytes:
    """The document with its own hash in it, as a file."""
    content = {key: value for key, value in document.items() if key != SEAL}
    return encode({**content, SEAL: hashlib.sha256(encode(content)).hexdigest()})


def opened(data: bytes, kind: str) -> dict[str, Any]:
    """The document of a file whose format is ``kind``. Raises NotProven where a byte was changed."""
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotProven("no_json", reason=error) from error
    if not isinstance(document, dict) or document.get("format") != kind:
        raise NotProven("other_format", kind=kind)
    try:
        same = sealed(document) == data
    except ValueError as error:  # half a surrogate pair has no UTF-8
        raise NotProven("unwritable", reason=error) from error
    if not same:
        raise NotProven("seal_broken")
    return document
