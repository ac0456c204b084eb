import sys

from governance.guardian.cli import main

sys.exit(main())
