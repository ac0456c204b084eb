"""Everything that changes an epoch, a delivery or an acknowledgement."""

from governance.permissions.reports import Report
from governance.permissions.services.anchoring import anchor_heads
from governance.permissions.services.compiling import compile_epoch, recheck
from governance.permissions.services.drifting import check_drift
from governance.permissions.services.holding import override, set_policy
from governance.permissions.services.holding import policy as guard_policy
from governance.permissions.services.permits import keep_permits
from governance.permissions.services.publishing import publish, refresh
from governance.permissions.services.pulling import (
    record_pull,
    record_pulled_file,
    record_pulls,
    record_refused_pull,
)
from governance.permissions.services.pushing import tell_nodes, tell_shards
from governance.permissions.services.removing import (
    advance_removals,
    finish_removal,
    order_removal,
    order_removals,
    withdraw_removal,
)
from governance.permissions.services.repeating import push_again
from governance.permissions.services.reporting import acknowledge
from governance.permissions.services.rollout_acts import (
    finish_rollout,
    halt_rollout,
    release_network,
    resume_rollout,
    roll_back,
    set_rollout_policy,
)
from governance.permissions.services.rollouts import advance_rollouts
from governance.permissions.services.roots import begin_root, install_root, remind_of_root, root_ends_soon
from governance.permissions.services.stores import mend_store
from governance.permissions.services.stores import prune as prune_lists

compile = compile_epoch  # the name that other parts know it by

__all__ = [
    "Report",
    "acknowledge",
    "advance_removals",
    "advance_rollouts",
    "anchor_heads",
    "begin_root",
    "check_drift",
    "compile",
    "compile_epoch",
    "finish_removal",
    "finish_rollout",
    "guard_policy",
    "halt_rollout",
    "install_root",
    "keep_permits",
    "mend_store",
    "order_removal",
    "order_removals",
    "override",
    "prune_lists",
    "publish",
    "push_again",
    "recheck",
    "record_pull",
    "record_pulled_file",
    "record_pulls",
    "record_refused_pull",
    "refresh",
    "release_network",
    "remind_of_root",
    "resume_rollout",
    "roll_back",
    "root_ends_soon",
    "set_policy",
    "set_rollout_policy",
    "tell_nodes",
    "tell_shards",
    "withdraw_removal",
]
