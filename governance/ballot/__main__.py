import sys

from governance.ballot.texts import say

try:
    from governance.ballot.cli import main
except ModuleNotFoundError as missing:
    print(say("not_installed", name=missing.name), file=sys.stderr)
    sys.exit(2)

sys.exit(main())
