"""``python -m governance.permissions.ceremony``."""

import sys

from governance.permissions.ceremony.cli import main

if __name__ == "__main__":
    sys.exit(main())
