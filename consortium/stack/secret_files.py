"""``python -m consortium.stack.secret_files``: random passphrases for this machine's stack, made once.

Each lies in a file of its own that only its owner may read; processes are told the file's name, never the
content. An operator's own deployment mounts them from its secret store instead.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from consortium.core import files
from consortium.stack.plan import Context

NAMES = ("signing-passphrase", "ocsp-passphrase", "relay-passphrase", "secret-key")


def path_of(context: Context, name: str) -> Path:
    """Where the secret ``name`` lies."""
    return context.data_dir / "secrets" / name


def main() -> int:
    os.umask(0o077)
    context = Context.from_environment()
    for name in NAMES:
        path = path_of(context, name)
        if not path.exists():
            files.create(path, (secrets.token_urlsafe(48) + "\n").encode("ascii"), mode=0o600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
