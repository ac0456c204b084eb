"""Files that a proposal names by their hash: kept once by content, checked whenever they are read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from governance.proposals.errors import AttachmentDamaged
from governance.proposals.models import Attachment, Proposal

SIZE_LIMIT = 10 * 1024 * 1024  # bytes, of one file
MOST = 10  # of one proposal

# What a browser may show by itself; anything else is handed over as bytes to be saved.
_SHOWN = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".txt": "text/plain; charset=utf-8",
}


def folder() -> Path:
    return Path(settings.DATA_DIR) / "attachments"


def keep(content: bytes) -> str:
    """Store the bytes under their SHA-256, which is returned. The same content is stored once."""
    digest = hashlib.sha256(content).hexdigest()
    target = folder() / digest[:2] / digest
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, content)
    return digest


def read(attachment: Attachment) -> bytes:
    """The bytes as they were attached. Raises AttachmentDamaged for any others, or none."""
    try:
        content = (folder() / attachment.sha256[:2] / attachment.sha256).read_bytes()
    except OSError as error:
        raise AttachmentDamaged(name=attachment.name) from error
    if hashlib.sha256(content).hexdigest() != attachment.sha256:
        raise AttachmentDamaged(name=attachment.name)
    return content


def check_all(proposal: Proposal) -> None:
    """Members are to find what they are asked about. Raises AttachmentDamaged."""
    for attachment in proposal.attachments.all():
        read(attachment)


def headers(attachment: Attachment) -> dict[str, str]:
    """How it is served: to be saved, never run or framed as a page of ours; it never changes."""
    media_type = _SHOWN.get(Path(attachment.name).suffix.lower(), "application/octet-stream")
    return {
        "Content-Type": media_type,
        "Content-Length": str(attachment.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{attachment.sha256}"',
    }


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all: a reader never sees half a file under its hash."""
    handle, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o440)
    Path(name).replace(target)
