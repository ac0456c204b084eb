import sys

from governance.ballot.cli import main

sys.exit(main())
