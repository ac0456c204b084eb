import sys

from governance.verify.cli import main

sys.exit(main())
