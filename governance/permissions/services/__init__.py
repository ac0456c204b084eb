"""Everything that changes an epoch, a delivery or an acknowledgement."""

from governance.permissions.services.anchoring import anchor_heads
from governance.permissions.services.compiling import compile_epoch, recheck
from governance.permissions.services.drifting import check_drift
from governance.permissions.services.holding import override, set_policy
from governance.permissions.services.permits import keep_permits
from governance.permissions.services.publishing import publish, refresh
from governance.permissions.services.pulling import (
    record_pull,
    record_pulled_file,
    record_pulls,
    record_refused_pull,
)
from governance.permissions.services.pushing import tell_nodes, tell_shards
from governance.permissions.services.repeating import push_again
from governance.permissions.services.reporting import Report, acknowledge
from governance.permissions.services.rollout_acts import (
    finish_rollout,
    halt_rollout,
    release_network,
    resume_rollout,
    roll_back,
    set_rollout_policy,
)
from governance.permissions.services.rollouts import advance_rollouts

compile = compile_epoch  # the name that other parts know it by

__all__ = [
    "Report",
    "acknowledge",
    "advance_rollouts",
    "anchor_heads",
    "check_drift",
    "compile",
    "compile_epoch",
    "finish_rollout",
    "halt_rollout",
    "keep_permits",
    "override",
    "publish",
    "push_again",
    "recheck",
    "record_pull",
    "record_pulled_file",
    "record_pulls",
    "record_refused_pull",
    "refresh",
    "release_network",
    "resume_rollout",
    "roll_back",
    "set_policy",
    "set_rollout_policy",
    "tell_nodes",
    "tell_shards",
]
