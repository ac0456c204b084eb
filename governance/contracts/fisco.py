"""The governance contracts of FISCO BCOS 3.x as they are published: addresses, calls, codes. No Django here.

Built to the interface in FISCO-BCOS/bcos-auth and the precompiles of FISCO-BCOS 3.x; both the console and
the member's own command read calls with it, so that neither takes the other's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import is_address, to_checksum_address

SYSTEM_CONFIG: Final = "0x0000000000000000000000000000000000001000"
CONSENSUS: Final = "0x0000000000000000000000000000000000001003"
CONTRACT_AUTH: Final = "0x0000000000000000000000000000000000001005"
COMMITTEE_MANAGER: Final = "0x0000000000000000000000000000000000010001"
ACCOUNT_MANAGER: Final = "0x0000000000000000000000000000000000010003"

OPEN, PASSED, DENIED, REVOKED, OUTDATED = 1, 2, 3, 4, 5  # a proposal's status on chain; 0: there is none
WHITE_LIST, BLACK_LIST = 1, 2  # how the right to deploy is kept
DEFAULT_INTERVAL: Final = 604_800  # blocks; the Java SDK's
WEIGHT_BOUND: Final = 42_949_672  # the sum of weights stays below, or 32 bits overflow and every vote fails
GAS_LIMIT: Final = 30_000_000
EXEC_RESULT: Final = "execResult(int256)"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract: parameters are (name, type) in order."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    type: int = 0  # of the proposal that it creates; 0 where it creates none

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(kind for _, kind in self.parameters)})"

    @property
    def selector(self) -> bytes:
        return function_signature_to_4byte_selector(self.signature)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters, but the last one of a create call: the interval says nothing of the action."""
        names = tuple(name for name, _ in self.parameters)
        return names[:-1] if self.type else names


_INTERVAL = ("interval", "uint256")
CREATES: Final = {
    made.type: made
    for made in (
        Function(
            "createUpdateGovernorProposal", (("account", "address"), ("weight", "uint32"), _INTERVAL), 11
        ),
        Function(
            "createSetRateProposal", (("participates_rate", "uint8"), ("win_rate", "uint8"), _INTERVAL), 12
        ),
        Function("createUpgradeVoteComputerProposal", (("computer", "address"), _INTERVAL), 13),
        Function("createSetDeployAuthTypeProposal", (("deploy_type", "uint8"), _INTERVAL), 21),
        Function("createModifyDeployAuthProposal", (("account", "address"), ("open", "bool"), _INTERVAL), 22),
        Function("createResetAdminProposal", (("admin", "address"), ("contract", "address"), _INTERVAL), 31),
        Function("createSetSysConfigProposal", (("key", "string"), ("value", "string"), _INTERVAL), 41),
        Function(
            "createSetConsensusWeightProposal",
            (("node", "string"), ("weight", "uint32"), ("add", "bool"), _INTERVAL),
            51,
        ),
        Function("createRmNodeProposal", (("node", "string"), _INTERVAL), 52),
    )
}
VOTE: Final = Function("voteProposal", (("proposal", "uint256"), ("agree", "bool")))
REVOKE: Final = Function("revokeProposal", (("proposal", "uint256"),))
REFRESH: Final = Function("refreshProposalStatus", (("proposal", "uint256"),))  # of the ProposalManager
SET_ACCOUNT_STATUS: Final = Function("setAccountStatus", (("account", "address"), ("status", "uint8")))

_KNOWN: Final = {
    function.selector: function for function in (*CREATES.values(), VOTE, REVOKE, REFRESH, SET_ACCOUNT_STATUS)
}


@dataclass(frozen=True, slots=True)
class Committed:
    """A call as it was sent: the function, its arguments by name, and of a create call the interval."""

    function: Function
    arguments: dict[str, Any]
    interval: int = 0  # blocks from the one it is mined in to the deadline


class NotACall(Exception):
    """The arguments do not fit the function, or the bytes are no call of the committee's.

    ``key`` and ``values`` say why, for who tells it in another language.
    """

    SENTENCES: ClassVar[dict[str, str]] = {
        "takes": "{function} takes {names}",
        "unfit": "an argument does not fit: {detail}",
        "word": "{word} is no argument of it",
        "encoding": "its bytes are not the ordinary encoding of what they say",
        "function": "it calls no function of the committee's",
        "arguments": "its arguments can't be read",
        "answer": "{function} was not answered",
    }

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(self.SENTENCES[key].format(**values))
        self.key, self.values = key, values


def call(function: Function, arguments: dict[str, Any], interval: int = DEFAULT_INTERVAL) -> str:
    """The calldata as 0x-hex. Raises NotACall where an argument lacks or does not fit."""
    if set(arguments) != set(function.names):
        raise NotACall("takes", function=function.name, names=", ".join(function.names))
    values = [*(arguments[name] for name in function.names), *([interval] if function.type else [])]
    try:
        encoded = encode([kind for _, kind in function.parameters], values)
    except (EncodingError, TypeError, ValueError, OverflowError) as error:
        raise NotACall("unfit", detail=str(error)) from error
    return "0x" + (function.selector + encoded).hex()


def read(data: bytes | str) -> Committed:
    """What a call says; canonical encodings only. Raises NotACall for all else."""
    try:
        raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else bytes(data)
        function = _KNOWN[raw[:4]]
        kinds = [kind for _, kind in function.parameters]
        values = list(decode(kinds, raw[4:]))
        if encode(kinds, values) != raw[4:]:
            raise NotACall("encoding")
    except KeyError as error:
        raise NotACall("function") from error
    except (DecodingError, EncodingError, ValueError, OverflowError) as error:
        raise NotACall("arguments") from error
    interval = values.pop() if function.type else 0
    plain = (_plain(kind, value) for (_, kind), value in zip(function.parameters, values, strict=False))
    return Committed(function, dict(zip(function.names, plain, strict=True)), interval)


def normal(function: Function, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as :func:`read` would give them. Raises NotACall."""
    return read(call(function, arguments, 0)).arguments


def from_words(function: Function, given: Sequence[str]) -> dict[str, Any]:
    """``name=value`` words as the function's arguments. Raises NotACall for one that does not fit."""
    kinds = dict(function.parameters)
    found: dict[str, Any] = {}
    for word in given:
        name, _, value = word.partition("=")
        kind = kinds.get(name, "")
        if kind == "bool" and value in {"true", "false"}:
            found[name] = value == "true"
        elif kind.startswith("uint") and value.isdecimal():
            found[name] = int(value)
        elif kind in {"string", "address"}:
            found[name] = value
        else:
            raise NotACall("word", word=word)
    return found


def resource(type_: int, arguments: dict[str, Any], proposal_manager: str) -> str:
    """What a proposal is about; of each type only one may be open for it."""
    fixed = {
        12: COMMITTEE_MANAGER,
        13: proposal_manager,
        21: CONTRACT_AUTH,
        41: SYSTEM_CONFIG,
        51: CONSENSUS,
        52: CONSENSUS,
    }
    named = arguments.get("contract") if type_ == 31 else arguments.get("account")
    return str(to_checksum_address(fixed.get(type_) or str(named)))


def overflows(weights: int) -> bool:
    """Whether a committee whose weights sum up to this could not decide anything any more."""
    return weights >= WEIGHT_BOUND


_INFO = ("address", "address", "uint8", "uint256", "uint8", "address[]", "address[]")
# Questions by name: what they take and what they give.
_VIEWS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # of the CommitteeManager
    "_committee": ((), ("address",)),
    "_proposalMgr": ((), ("address",)),
    "isGovernor": (("address",), ("bool",)),
    "getProposalType": (("uint256",), ("uint8",)),
    # of the ProposalManager
    "_voteComputer": ((), ("address",)),
    "_proposalCount": ((), ("uint256",)),
    "getProposalInfo": (("uint256",), _INFO),
    "getProposalInfoList": (("uint256", "uint256"), (f"({','.join(_INFO)})[]",)),
    "getIdByTypeAndResourceId": (("uint8", "address"), ("uint256",)),
    # of the Committee
    "getCommitteeInfo": ((), ("uint8", "uint8", "address[]", "uint32[]")),
    # of ContractAuth, SystemConfig and AccountManager
    "deployType": ((), ("uint256",)),
    "hasDeployAuth": (("address",), ("bool",)),
    "getAccountStatus": (("address",), ("uint8",)),
    "getValueByKey": (("string",), ("string", "int256")),
}


def question(name: str, *values: Any) -> str:
    """The calldata that asks for a view, as 0x-hex."""
    takes, _ = _VIEWS[name]
    selector = function_signature_to_4byte_selector(f"{name}({','.join(takes)})")
    return "0x" + (selector + encode(takes, values)).hex()


def answer(name: str, data: bytes) -> Any:
    """What a view answered: one value, or a tuple of several; addresses in EIP-55 form.

    Raises NotACall for bytes that are no such answer, as where there is no such contract.
    """
    _, gives = _VIEWS[name]
    try:
        values = tuple(_shown(value) for value in decode(gives, data))
    except (DecodingError, ValueError, OverflowError) as error:
        raise NotACall("answer", function=name) from error
    return values[0] if len(values) == 1 else values


def _shown(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_shown(each) for each in value)
    return str(to_checksum_address(value)) if _is_address(value) else value


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 42 and is_address(value)


def _plain(kind: str, value: Any) -> Any:
    return str(to_checksum_address(value)) if kind == "address" and is_address(value) else value
