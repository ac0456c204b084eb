"""What the command says, in English and Chinese, beside what it shares with the ``ballot`` command."""

from __future__ import annotations

from typing import Final

from governance.ballot.texts import language

_ENGLISH: Final[dict[str, str]] = {
    "help": "A guardian's command: sign that a node be frozen or a proposal be cancelled.",
    "help_freeze": "show a node as the ledger has it, and sign that it be frozen for 72 hours",
    "help_cancel": "show a proposal as the ledger has it, and sign that it be cancelled",
    "help_address": "print the key's address",
    "help_network": "the network's name",
    "help_node": "the node's consensus id, 128 hexadecimal digits",
    "help_reason": "a file with the reason, word for word the same for all guardians",
    "help_hours": "how long the signature may be used (24)",
    "help_out": "where the signed confirmation goes, for the secretariat to relay",
    "reason_missing": "The reason's file {path} can't be read, or is empty.",
    "no_guardians": "This alliance has no guardians' contract.",
    "not_a_guardian": "{address} is no guardian.",
    "network_bad": "{value} is no network's name.",
    "node_bad": "{value} is no consensus id.",
    "node_unknown": "The ledger knows no such node in {network}.",
    "node_frozen": "The node is frozen already, until {until}.",
    "node_ratified": "The node is frozen already, until the members thaw it.",
    "node_rests": "The guardians can't freeze this node again before {until}.",
    "undecided": "The members have not decided yet on the last freeze of this node.",
    "confirmed_already": "{address} has confirmed this already.",
    "protected": "This proposal is about the guardians' own power: they can't cancel it.",
    "ended": "There is nothing to cancel any more.",
    "heading": "Guardians' contract {contract} on chain {chain_id}",
    "freeze_line": "Freeze for 72 hours, in {network}: the {role} of member {member}",
    "cancel_line": "Cancel the proposal below",
    "node_line": "Node: {node}",
    "role_1": "observer",
    "role_2": "sealer",
    "reason_line": "Reason (SHA-256 {digest}):",
    "so_far": "Confirmed so far: {count} of {needed}.",
    "last_freeze": "With yours the node is frozen at once, and the members' vote on it opens.",
    "last_cancel": "With yours the proposal is cancelled at once, for good.",
    "until": "The signature may be used until {until}, signed by {guardian}.",
    "confirm": "Sign? Type yes: ",
}
_CHINESE: Final[dict[str, str]] = {
    "help": "守护人命令：签署冻结节点或取消提案。",
    "help_freeze": "按账本显示一个节点，并签署将其冻结 72 小时",
    "help_cancel": "按账本显示一项提案，并签署将其取消",
    "help_address": "显示密钥的地址",
    "help_network": "网络名称",
    "help_node": "节点 ID，128 位十六进制数字",
    "help_reason": "理由文件，所有守护人须一字不差",
    "help_hours": "签名可使用的小时数（24）",
    "help_out": "已签署确认的存放位置，由秘书处转交",
    "reason_missing": "理由文件 {path} 无法读取或为空。",
    "no_guardians": "本联盟没有守护人合约。",
    "not_a_guardian": "{address} 不是守护人。",
    "network_bad": "{value} 不是网络名称。",
    "node_bad": "{value} 不是节点 ID。",
    "node_unknown": "账本在 {network} 中没有此节点。",
    "node_frozen": "该节点已被冻结，至 {until}。",
    "node_ratified": "该节点已被冻结，直至成员将其解冻。",
    "node_rests": "守护人在 {until} 之前不能再次冻结该节点。",
    "undecided": "成员尚未就该节点的上一次冻结作出决定。",
    "confirmed_already": "{address} 已确认过此事。",
    "protected": "该提案涉及守护人自身的权力，守护人不能取消。",
    "ended": "已无可取消。",
    "heading": "链 {chain_id} 上的守护人合约 {contract}",
    "freeze_line": "冻结 72 小时，网络 {network}：成员 {member} 的{role}",
    "cancel_line": "取消下列提案",
    "node_line": "节点：{node}",
    "role_1": "观察节点",
    "role_2": "共识节点",
    "reason_line": "理由（SHA-256 {digest}）：",
    "so_far": "已确认：{count}，共需 {needed}。",
    "last_freeze": "您签署后节点立即冻结，并开启成员表决。",
    "last_cancel": "您签署后提案立即取消，不可恢复。",
    "until": "签名可使用至 {until}，签署人 {guardian}。",
    "confirm": "签署？请输入 yes：",
}
CATALOGUES: Final = {"en": _ENGLISH, "zh": _CHINESE}


def say(key: str, **values: object) -> str:
    """The sentence ``key`` in the user's language, filled in."""
    return CATALOGUES[language()][key].format(**values)


class GuardianError(Exception):
    """Ends the command with one line, the sentence ``key``, and exit code 2."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(say(key, **values))
        self.key = key
