"""What the command says, in English and Chinese. It stands alone: no gettext catalogue is at hand."""

from __future__ import annotations

import os
from typing import Final

_ENGLISH: Final[dict[str, str]] = {
    "keystore_missing": "The keystore {path} can't be read: {reason}.",
    "keystore_broken": "{path} is not an encrypted keystore (Ethereum JSON, version 3).",
    "keystore_open": "Warning: others on this machine may read {path}; `chmod 600` it.",
    "passphrase_missing": "The passphrase file {path} can't be read: {reason}.",
    "passphrase_wrong": "The passphrase does not open {path}.",
    "passphrase_prompt": "Passphrase of {path}: ",
    "token_missing": "The token file {path} can't be read: {reason}.",
    "ledger_unreachable": "The ledger at {url} can't be reached.",
    "ledger_failed": "The ledger at {url} gave no usable answer: {reason}.",
    "no_governor": "At {address} on chain {chain_id} there is no governor contract.",
    "bad_address": "{value} is not an address.",
    "bad_proposal": "{value} is neither a proposal's number nor its id on the ledger.",
    "proposal_unknown": "The ledger knows no proposal {value}.",
    "proposal_forged": "What the ledger shows for {value} does not belong to that id. Don't vote on it.",
    "voting_over": "Voting on this proposal ended on {end}.",
    "no_vote": "{voter} had no vote when this proposal opened.",
    "has_voted": "{voter} has voted on this proposal already.",
    "uscc_bad": "{value} is not a unified social credit code (18 digits and capital letters).",
    "out_failed": "{path} can't be written: {reason}.",
    "out_done": "The signed ballot is in {path}.",
    "console_needed": "Say where the ballot goes: --console with --token-file, or --out.",
    "console_unreachable": "The console at {url} can't be reached.",
    "console_refused": "The console refused the ballot ({code}): {detail}",
    "console_done": "The console has taken the ballot and relays it to the ledger.",
    "text_checked": "The text that the console shows has the hash that the ledger holds:",
    "text_wrong": "The console's text is not the one whose hash the ledger holds. Don't vote on it.",
    "text_missing": "The console did not show the proposal's text; what counts is below.",
    "confirm": "Vote {support}? Type yes: ",
    "confirm_needed": "There is nobody to ask: pass --yes.",
    "not_confirmed": "Nothing was signed.",
    "not_installed": "{name} is not installed for this Python. In the checkout: `make setup`, then "
    "`.venv/bin/python -m governance.ballot`.",
    "interrupted": "Stopped. Nothing was sent.",
    "heading": "Proposal on chain {chain_id}, governor {governor}",
    "id": "Id: {id}",
    "proposer": "Proposed by {proposer}",
    "period": "Ballots count after {start} and until {end}",
    "effects": "If it passes:",
    "vote_line": "Your vote: {support}, as {voter}, ballot number {nonce}",
    "against": "AGAINST",
    "for": "FOR",
    "abstain": "ABSTAIN",
    "grant": "member {memberId} gets a seat in category {category}, voting with {voter}",
    "suspend": "member {memberId} loses its vote until it is reinstated",
    "reinstate": "member {memberId} gets its vote back",
    "revoke": "member {memberId} is expelled: its seat is gone",
    "changeVoter": "member {memberId} votes with {voter} from then on",
    "setRole": "node {consensusId} of member {memberId} becomes {role} in network {network}",
    "remove": "node {consensusId} leaves network {network}",
    "role_1": "observer",
    "role_2": "sealer",
    "other_call": "{contract} {target}: {name}({arguments})",
    "unknown_call": "UNKNOWN call to {target}, value {value}, data {data}",
    "help": "Sign a member's ballot with its own key, which stays on this machine.",
    "help_address": "print the keystore's address",
    "help_prove": "print the proof that this key is the institution's voting key",
    "help_show": "print a proposal as the ledger has it",
    "help_cast": "sign a ballot and hand it to the console, or write it to a file",
    "help_keystore": "encrypted keystore (Ethereum JSON, version 3)",
    "help_passphrase": "file with the keystore's passphrase; without it you are asked",
    "help_uscc": "unified social credit code of the institution",
    "help_ledger": "address of the ledger's JSON-RPC",
    "help_governor": "address of the governor contract",
    "help_proposal": "the proposal's number, or its id on the ledger",
    "help_vote": "for, against or abstain",
    "help_console": "address of the console",
    "help_token": "file with your API token",
    "help_out": "write the signed ballot to this file instead of sending it",
    "help_yes": "do not ask for confirmation",
}

_CHINESE: Final[dict[str, str]] = {
    "keystore_missing": "无法读取密钥文件 {path}：{reason}。",
    "keystore_broken": "{path} 不是加密的密钥文件（以太坊 JSON 第 3 版）。",
    "keystore_open": "警告：本机其他用户可能读取 {path}，请执行 `chmod 600`。",
    "passphrase_missing": "无法读取口令文件 {path}：{reason}。",
    "passphrase_wrong": "口令不能打开 {path}。",
    "passphrase_prompt": "{path} 的口令：",
    "token_missing": "无法读取令牌文件 {path}：{reason}。",
    "ledger_unreachable": "无法连接账本 {url}。",
    "ledger_failed": "账本 {url} 没有给出可用的回答：{reason}。",
    "no_governor": "链 {chain_id} 的地址 {address} 上没有治理合约。",
    "bad_address": "{value} 不是有效的地址。",
    "bad_proposal": "{value} 既不是提案编号，也不是链上提案标识。",
    "proposal_unknown": "账本上没有提案 {value}。",
    "proposal_forged": "账本为提案 {value} 给出的内容与其标识不符。请勿表决。",
    "voting_over": "该提案的表决已于 {end} 结束。",
    "no_vote": "提案开始表决时 {voter} 没有表决权。",
    "has_voted": "{voter} 已对该提案表决。",
    "uscc_bad": "{value} 不是统一社会信用代码（18 位数字或大写字母）。",
    "out_failed": "无法写入 {path}：{reason}。",
    "out_done": "已签名的选票写入 {path}。",
    "console_needed": "请指定选票去向：--console 与 --token-file，或 --out。",
    "console_unreachable": "无法连接控制台 {url}。",
    "console_refused": "控制台拒绝了选票（{code}）：{detail}",
    "console_done": "控制台已收到选票，正在转发至账本。",
    "text_checked": "控制台展示的正文与账本记录的哈希一致：",
    "text_wrong": "控制台展示的正文与账本记录的哈希不一致。请勿表决。",
    "text_missing": "控制台没有给出提案正文；以下内容以账本为准。",
    "confirm": "确认投{support}票？请输入 yes：",
    "confirm_needed": "无法询问确认：请加 --yes。",
    "not_confirmed": "没有签名。",
    "not_installed": "这个 Python 没有安装 {name}。请在本项目的目录中运行 `make setup`，"
    "再用 `.venv/bin/python -m governance.ballot`。",
    "interrupted": "已中止，没有发送任何内容。",
    "heading": "链 {chain_id}、治理合约 {governor} 上的提案",
    "id": "标识：{id}",
    "proposer": "提案账户：{proposer}",
    "period": "选票在 {start} 之后、{end} 之前（含）有效",
    "effects": "如获通过：",
    "vote_line": "您的表决：{support}，表决地址 {voter}，选票序号 {nonce}",
    "against": "反对",
    "for": "赞成",
    "abstain": "弃权",
    "grant": "成员 {memberId} 获得类别 {category} 的席位，表决地址 {voter}",
    "suspend": "成员 {memberId} 暂停表决权，直至恢复",
    "reinstate": "成员 {memberId} 恢复表决权",
    "revoke": "成员 {memberId} 被除名，席位撤销",
    "changeVoter": "成员 {memberId} 此后以 {voter} 表决",
    "setRole": "成员 {memberId} 的节点 {consensusId} 成为网络 {network} 的{role}",
    "remove": "节点 {consensusId} 退出网络 {network}",
    "role_1": "观察节点",
    "role_2": "共识节点",
    "other_call": "{contract} {target}：{name}({arguments})",
    "unknown_call": "未知调用：目标 {target}，金额 {value}，数据 {data}",
    "help": "用成员自己的密钥签署选票，密钥不离开本机。",
    "help_address": "显示密钥文件的地址",
    "help_prove": "显示该密钥为机构表决密钥的证明",
    "help_show": "按账本内容显示提案",
    "help_cast": "签署选票，交给控制台或写入文件",
    "help_keystore": "加密的密钥文件（以太坊 JSON 第 3 版）",
    "help_passphrase": "存放口令的文件；不指定则提示输入",
    "help_uscc": "机构的统一社会信用代码",
    "help_ledger": "账本的 JSON-RPC 地址",
    "help_governor": "治理合约的地址",
    "help_proposal": "提案编号或链上标识",
    "help_vote": "for 赞成，against 反对，abstain 弃权",
    "help_console": "控制台的地址",
    "help_token": "存放 API 令牌的文件",
    "help_out": "把已签名的选票写入该文件，而不发送",
    "help_yes": "不询问确认",
}

CATALOGUES: Final = {"en": _ENGLISH, "zh": _CHINESE}


def language() -> str:
    """``zh`` or ``en``, as LC_ALL, LC_MESSAGES and LANG say, in this order."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(key: str, **values: object) -> str:
    """The sentence ``key`` in the user's language, filled in."""
    return CATALOGUES[language()][key].format(**values)


class BallotError(Exception):
    """Ends the command with one line, the sentence ``key``, and exit code 2."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(say(key, **values))
        self.key = key
