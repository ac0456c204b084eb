"""Settings for tools that read models and connect to nothing: mypy's plugin, message extraction."""

import os

os.environ.setdefault("CONSORTIUM_DEVELOPMENT", "1")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:9/0")
os.environ.setdefault("LEDGER_URL", "http://127.0.0.1:9")

from consortium.settings import *  # noqa: F403
