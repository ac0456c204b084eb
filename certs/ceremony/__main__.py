"""``python -m certs.ceremony``."""

import sys

from certs.ceremony.cli import main

sys.exit(main())
