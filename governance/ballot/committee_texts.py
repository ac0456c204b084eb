"""What the committee's command says, in English and Chinese; beside ``texts``, for the same reason."""

from __future__ import annotations

from typing import Any, Final

from governance.ballot.texts import BallotError, language
from governance.contracts import fisco

_ENGLISH: Final[dict[str, str]] = {
    "unreachable": "The ledger at {url} can't be reached or gave no usable answer: {reason}.",
    "no_committee": "At {address} on chain {chain_id} there is no committee.",
    "unknown": "The ledger has no proposal {number}.",
    "not_open": "Proposal {number} is not open any more.",
    "late": "Proposal {number} ended with block {deadline}; the ledger is at {head}. "
    "A late vote would still count there; none is signed here.",
    "no_governor": "{sender} is no governor of this ledger.",
    "voted": "{sender} has voted on proposal {number}.",
    "not_proposer": "Only its proposer revokes a proposal.",
    "bad_action": "This can't be proposed: {reason}",
    "heading": "Proposal {number} of the committee on chain {chain_id}",
    "proposer": "Proposed by {proposer}",
    "deadline": "The last block in which it is in time is {deadline}; the ledger is at {head}.",
    "votes": "Weight in favour {agree}, against {against}, of {all}; {participation} % must vote, "
    "{win} % of it agree.",
    "unfound": "WHAT IT DOES IS NOT KNOWN: the ledger does not tell, and the transaction that created it "
    "was not found. Give it by --created-in.",
    "effect": "If it passes: {effect}.",
    "you": "You sign: {what}, as {sender}, transaction {nonce}.",
    "agree": "a vote IN FAVOUR of proposal {number}",
    "against": "a vote AGAINST proposal {number}",
    "revoke": "the revocation of proposal {number}",
    "propose": "a new proposal and your vote in favour: {effect}; {interval} blocks to vote",
    "confirm": "Sign it? Type yes: ",
    "confirm_needed": "There is nobody to ask: pass --yes.",
    "not_confirmed": "Nothing was signed.",
    "written": "The signed transaction is in {path}. Hand it in to the console, or send it to the ledger "
    "yourself.",
    "11": "{account} becomes a governor with weight {weight}, or gets this weight",
    "11:0": "{account} is no governor any more",
    "12": "{participates_rate} % of the weight must vote, {win_rate} % of it agree",
    "13": "votes are counted by the contract {computer}",
    "21": "the right to deploy contracts is kept in way {deploy_type} (1 white list, 2 black list)",
    "22:True": "{account} may deploy contracts",
    "22:False": "{account} may not deploy contracts",
    "31": "{admin} administers the contract {contract}",
    "41": "the configuration value {key} becomes {value}",
    "51:observe": "node {node} becomes an observer",
    "51:seal": "node {node} becomes a sealer with weight {weight}",
    "51:weight": "sealer {node} gets weight {weight}",
    "52": "node {node} leaves the ledger",
}

_CHINESE: Final[dict[str, str]] = {
    "unreachable": "无法连接账本 {url}，或其回答不可用：{reason}。",
    "no_committee": "链 {chain_id} 的地址 {address} 上没有治理委员会。",
    "unknown": "账本上没有提案 {number}。",
    "not_open": "提案 {number} 已不在表决中。",
    "late": "提案 {number} 的截止区块为 {deadline}，账本已到 {head}。"
    "账本仍会计入逾期的投票，本命令不予签署。",
    "no_governor": "{sender} 不是该账本的治理委员。",
    "voted": "{sender} 已就提案 {number} 投过票。",
    "not_proposer": "只有提案人可以撤回提案。",
    "bad_action": "不能这样提案：{reason}",
    "heading": "链 {chain_id} 上治理委员会的提案 {number}",
    "proposer": "提案账户：{proposer}",
    "deadline": "截止区块为 {deadline}，账本现在到 {head}。",
    "votes": "赞成权重 {agree}，反对 {against}，全部 {all}；"
    "参与率须达 {participation}%，其中赞成须达 {win}%。",
    "unfound": "提案内容不明：账本不提供，也没有找到创建它的交易。请用 --created-in 指定该交易。",
    "effect": "如获通过：{effect}。",
    "you": "您将签署：{what}，账户 {sender}，交易序号 {nonce}。",
    "agree": "对提案 {number} 的赞成票",
    "against": "对提案 {number} 的反对票",
    "revoke": "撤回提案 {number}",
    "propose": "新提案并投赞成票：{effect}；投票区块数 {interval}",
    "confirm": "确认签署？请输入 yes：",
    "confirm_needed": "无法询问确认：请加 --yes。",
    "not_confirmed": "没有签名。",
    "written": "已签名的交易写入 {path}。请交给管理台，或自行发送至账本。",
    "11": "{account} 成为治理委员，权重 {weight}（已是委员的，权重改为此数）",
    "11:0": "{account} 不再是治理委员",
    "12": "参与率改为 {participates_rate}%，通过率改为 {win_rate}%",
    "13": "由合约 {computer} 计票",
    "21": "合约部署权限改为方式 {deploy_type}（1 白名单，2 黑名单）",
    "22:True": "{account} 可以部署合约",
    "22:False": "{account} 不可以部署合约",
    "31": "合约 {contract} 由 {admin} 管理",
    "41": "系统配置项 {key} 改为 {value}",
    "51:observe": "节点 {node} 成为观察节点",
    "51:seal": "节点 {node} 成为共识节点，权重 {weight}",
    "51:weight": "共识节点 {node} 的权重改为 {weight}",
    "52": "节点 {node} 退出账本",
}

CATALOGUES: Final = {"en": _ENGLISH, "zh": _CHINESE}


def tell(key: str, **values: object) -> str:
    """The sentence ``key`` in the user's language, filled in."""
    return CATALOGUES[language()][key].format(**values)


def effect(type_: int, arguments: dict[str, Any]) -> str:
    """What a proposal does, in a sentence."""
    key = str(type_)
    if type_ == 11 and arguments["weight"] == 0:
        key = "11:0"
    if type_ == 22:
        key = f"22:{arguments['open']}"
    if type_ == 51:
        added = "seal" if arguments["weight"] else "observe"
        key = f"51:{added if arguments['add'] else 'weight'}"
    return tell(key, **{name: printable(value) for name, value in arguments.items()})


def printable(value: object) -> str:
    """Without control characters: what a governor proposes must not redraw another's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value)
    )


class CommitteeError(BallotError):
    """Ends the command with one line, the sentence ``key`` of this catalogue, and exit code 2."""

    def __init__(self, key: str, **values: object) -> None:
        Exception.__init__(self, tell(key, **values))
        self.key = key


TYPES: Final = tuple(fisco.CREATES)
