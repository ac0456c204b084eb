// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {
    GovernorProposalGuardian
} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Codes} from "./Codes.sol";
import {ConsortiumGovernor} from "./ConsortiumGovernor.sol";
import {NodeRegistry} from "./NodeRegistry.sol";

/**
 * @title The guardians' glass to break
 * @notice A small group of guardians that can act faster than a vote: when enough of them confirm the same thing, a
 * node is frozen for {NodeRegistry-MAX_FREEZE_SECONDS}, or a proposal is cancelled. A freeze opens the vote in which
 * the members ratify it, in the same transaction; without ratification it lapses by itself.
 *
 * @dev It is the guardian of {NodeRegistry}, and the proposal guardian of the governor, which also lets it propose.
 *
 * What the guardians can't do, even all together: admit a node, change a role, a seat, a rule or themselves, prolong a
 * freeze, freeze a node again before it has rested ({NodeRegistry-REST_SECONDS}) or while the members still vote on its
 * last freeze, or cancel a proposal that is about their own power ({isProtected}): one that changes the guardians,
 * takes this contract's place, or thaws a node.
 *
 * A guardian confirms with a transaction of its own, or signs a confirmation (EIP-712) that anyone may relay. A round
 * of confirmations begins with the first and ends {CONFIRMATION_SECONDS} later, or when the guardians change; what is
 * missing then must begin anew. Times are in the unit of {Seats-clock}.
 */
contract BreakGlass is EIP712, NoncesKeyed {
    /// @notice A proposal's content, as {IGovernor-hashProposal} takes it.
    struct Content {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        bytes32 descriptionHash;
    }

    /// @dev Bit `i` of `confirmed` stands for the guardian at index `i` in the given term.
    struct Round {
        uint48 expiresAt;
        uint64 term;
        uint16 confirmed;
        uint8 confirmations;
    }

    /// @notice What a guardian signs for a freeze.
    bytes32 public constant FREEZE_TYPEHASH =
        keccak256(
            "FreezeConfirmation(bytes32 network,bytes consensusId,bytes32 reasonHash,address guardian,uint256 nonce,uint256 deadline)"
        );

    /// @notice What a guardian signs for a cancellation.
    bytes32 public constant CANCEL_TYPEHASH =
        keccak256(
            "CancelConfirmation(uint256 proposalId,bytes32 reasonHash,address guardian,uint256 nonce,uint256 deadline)"
        );

    /// @notice With a threshold of one, a single stolen key could stop nodes and votes.
    uint256 public constant LOWEST_THRESHOLD = 2;

    /// @notice At most so many guardians.
    uint256 public constant MAX_GUARDIANS = 16;

    /// @notice How long a round of confirmations stays open after its first, in seconds.
    uint48 public constant CONFIRMATION_SECONDS = 24 hours;

    /// @notice Where nodes are frozen.
    NodeRegistry public immutable registry;

    /// @notice Where freezes are ratified, and proposals cancelled.
    ConsortiumGovernor public immutable governor;

    /// @notice Who alone changes the guardians: the timelock, that is, the members by vote.
    address public immutable executor;

    /// @notice How many guardians must confirm the same thing.
    uint256 public threshold;

    /// @notice Counts the groups of guardians so far; confirmations of an earlier group don't count.
    uint64 public term;

    /// @notice The vote that each freeze opened, by the freeze's number; zero for none.
    mapping(uint64 number => uint256 proposalId) public ratificationOf;

    address[] private _guardians;
    mapping(bytes32 key => Round) private _rounds;

    /// @notice These are the guardians from now on.
    event GuardiansChanged(uint64 indexed term, address[] guardians, uint256 threshold);

    /// @notice A guardian confirmed a freeze, as the n-th of its round.
    event FreezeConfirmed(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        address indexed guardian,
        bytes consensusId,
        bytes32 reasonHash,
        uint256 confirmations,
        uint256 needed
    );

    /// @notice A freeze came into force, and the members vote on it.
    event RatificationOpened(
        uint64 indexed number,
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        uint256 proposalId,
        bytes32 reasonHash
    );

    /// @notice A guardian confirmed that a proposal be cancelled, as the n-th of its round.
    event CancelConfirmed(
        uint256 indexed proposalId,
        address indexed guardian,
        bytes32 reasonHash,
        uint256 confirmations,
        uint256 needed
    );

    /// @notice The guardians cancelled a proposal.
    event CancelledByGuardians(uint256 indexed proposalId, bytes32 reasonHash);

    /// @dev Not one of the guardians.
    error NotAGuardian(address account);

    /// @dev The caller is not the executor.
    error ExecutorOnly(address actual, address expected);

    /// @dev Too few or too many must confirm, or there are too many guardians.
    error ThresholdRefused(uint256 threshold, uint256 lowest, uint256 guardians, uint256 highest);

    /// @dev The zero address, or the same guardian twice.
    error InvalidGuardian(address guardian);

    /// @dev The hash of the reason is missing.
    error ReasonMissing();

    /// @dev This guardian has confirmed the same thing in this round.
    error AlreadyConfirmed(address guardian, uint48 expiresAt);

    /// @dev The guardian did not sign this confirmation, for this chain and contract, as its next one of the matter.
    error InvalidConfirmation(address guardian);

    /// @dev The signed confirmation is too old.
    error ConfirmationExpired(uint256 deadline, uint48 clock);

    /// @dev The members have not decided yet on the last freeze of this node, or not carried out what they decided, and
    /// it could still take effect.
    error RatificationUndecided(uint256 proposalId, IGovernor.ProposalState state);

    /// @dev There is nothing to cancel any more.
    error ProposalEnded(uint256 proposalId, IGovernor.ProposalState state);

    /// @dev The proposal is about the guardians' own power; the members alone decide on it.
    error ProtectedProposal(uint256 proposalId, uint256 index);

    /**
     * @param registry_ where nodes are frozen; its executor alone changes the guardians
     * @param governor_ where freezes are ratified, and proposals cancelled
     * @param guardians_ distinct addresses, at most {MAX_GUARDIANS}
     * @param threshold_ how many of them must confirm; at least {LOWEST_THRESHOLD}
     */
    constructor(
        NodeRegistry registry_,
        ConsortiumGovernor governor_,
        address[] memory guardians_,
        uint256 threshold_
    ) EIP712("Consortium Break-Glass", "1") {
        registry = registry_;
        governor = governor_;
        executor = registry_.executor();
        _setGuardians(guardians_, threshold_);
    }

    /**
     * @notice Confirms that a node be frozen. The last confirmation that is needed freezes it and opens the vote on it.
     *
     * @param network the slug of the network
     * @param consensusId the node
     * @param reasonHash SHA-256 of the reason as text; guardians confirm the same reason
     *
     * Emits a {FreezeConfirmed} event, and with the last one {NodeRegistry-NodeFrozen}, the governor's
     * `ProposalCreated` and a {RatificationOpened} event.
     */
    function confirmFreeze(bytes32 network, bytes calldata consensusId, bytes32 reasonHash) external {
        _confirmFreeze(network, consensusId, reasonHash, msg.sender);
    }

    /**
     * @notice The same with the guardian's signature, relayed by anyone.
     *
     * @param deadline the last moment at which the signature counts
     * @param signature EIP-712, of {FREEZE_TYPEHASH}; its nonce is {nonces} of the guardian and {freezeNonceKey}
     */
    function confirmFreezeBySig(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 reasonHash,
        address guardian,
        uint256 deadline,
        bytes calldata signature
    ) external {
        uint256 nonce = _useNonce(guardian, freezeNonceKey(network, consensusId, reasonHash));
        bytes32 message = keccak256(
            abi.encode(FREEZE_TYPEHASH, network, keccak256(consensusId), reasonHash, guardian, nonce, deadline)
        );
        _requireSigned(message, guardian, deadline, signature);
        _confirmFreeze(network, consensusId, reasonHash, guardian);
    }

    /**
     * @notice Confirms that a proposal be cancelled. The last confirmation that is needed cancels it.
     *
     * @param content the proposal's content
     * @param reasonHash SHA-256 of the reason as text; guardians confirm the same reason
     *
     * Emits a {CancelConfirmed} event, and with the last one the governor's `ProposalCanceled` and
     * {CancelledByGuardians}.
     */
    function confirmCancel(Content calldata content, bytes32 reasonHash) external {
        _confirmCancel(content, proposalIdOf(content), reasonHash, msg.sender);
    }

    /**
     * @notice The same with the guardian's signature, relayed by anyone.
     *
     * @param deadline the last moment at which the signature counts
     * @param signature EIP-712, of {CANCEL_TYPEHASH}; its nonce is {nonces} of the guardian and {cancelNonceKey}
     */
    function confirmCancelBySig(
        Content calldata content,
        bytes32 reasonHash,
        address guardian,
        uint256 deadline,
        bytes calldata signature
    ) external {
        uint256 proposalId = proposalIdOf(content);
        uint256 nonce = _useNonce(guardian, cancelNonceKey(proposalId, reasonHash));
        bytes32 message = keccak256(abi.encode(CANCEL_TYPEHASH, proposalId, reasonHash, guardian, nonce, deadline));
        _requireSigned(message, guardian, deadline, signature);
        _confirmCancel(content, proposalId, reasonHash, guardian);
    }

    /**
     * @notice Replaces the guardians. Only by proposal; rounds that are open end.
     *
     * Emits a {GuardiansChanged} event.
     */
    function setGuardians(address[] calldata guardians_, uint256 threshold_) external {
        if (msg.sender != executor) revert ExecutorOnly(msg.sender, executor);
        _setGuardians(guardians_, threshold_);
    }

    /// @notice The guardians.
    function guardians() external view returns (address[] memory) {
        return _guardians;
    }

    /// @notice Whether `account` is a guardian.
    function isGuardian(address account) external view returns (bool) {
        return _bitOf(account) != 0;
    }

    /**
     * @notice Who has confirmed a freeze in the round that is open.
     *
     * @return confirmed in the order of {guardians}
     * @return expiresAt the last moment of the round; zero where none is open
     */
    function freezeConfirmations(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 reasonHash
    ) external view returns (address[] memory confirmed, uint48 expiresAt) {
        return _confirmations(_freezeKey(network, consensusId, reasonHash));
    }

    /**
     * @notice Who has confirmed a cancellation in the round that is open.
     *
     * @return confirmed in the order of {guardians}
     * @return expiresAt the last moment of the round; zero where none is open
     */
    function cancelConfirmations(
        uint256 proposalId,
        bytes32 reasonHash
    ) external view returns (address[] memory confirmed, uint48 expiresAt) {
        return _confirmations(_cancelKey(proposalId, reasonHash));
    }

    /// @notice Where a guardian's nonce for a freeze is found: a matter has nonces of its own, so none waits for another.
    function freezeNonceKey(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 reasonHash
    ) public pure returns (uint192) {
        return uint192(uint256(_freezeKey(network, consensusId, reasonHash)));
    }

    /// @notice Where a guardian's nonce for a cancellation is found.
    function cancelNonceKey(uint256 proposalId, bytes32 reasonHash) public pure returns (uint192) {
        return uint192(uint256(_cancelKey(proposalId, reasonHash)));
    }

    /// @notice A proposal's id, of its content.
    function proposalIdOf(Content calldata content) public view returns (uint256) {
        return
            governor.getProposalId(content.targets, content.values, content.calldatas, content.descriptionHash);
    }

    /**
     * @notice Whether a call is about the guardians' own power, so that they can't cancel a proposal that makes it: any
     * call of this contract, another proposal guardian for the governor, another guardian for the registry, a thaw.
     *
     * @dev Any other call they may cancel, and the members may then replace them first.
     */
    function isProtected(address target, bytes calldata data) public view returns (bool) {
        if (target == address(this)) return true;
        bytes4 selector = bytes4(data);
        if (target == address(governor)) return selector == GovernorProposalGuardian.setProposalGuardian.selector;
        if (target != address(registry)) return false;
        return selector == NodeRegistry.setGuardian.selector || selector == NodeRegistry.thaw.selector;
    }

    function _confirmFreeze(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 reasonHash,
        address guardian
    ) private {
        bytes32 key = _freezeKey(network, consensusId, reasonHash);
        bytes32 nodeKey = registry.keyOf(consensusId);
        _requireDecided(network, consensusId);
        uint256 confirmations = _confirm(key, reasonHash, guardian);
        emit FreezeConfirmed(network, nodeKey, guardian, consensusId, reasonHash, confirmations, threshold);
        if (confirmations < threshold) return;
        delete _rounds[key];
        _freeze(network, consensusId, nodeKey, reasonHash);
    }

    function _freeze(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 nodeKey,
        bytes32 reasonHash
    ) private {
        uint48 until = _now() + _ticks(registry.MAX_FREEZE_SECONDS());
        uint64 number = registry.freeze(network, consensusId, until);
        uint256 proposalId = _propose(
            abi.encodeCall(NodeRegistry.ratifyFreeze, (network, consensusId, number)),
            _description(number, network, nodeKey, reasonHash)
        );
        ratificationOf[number] = proposalId;
        emit RatificationOpened(number, network, nodeKey, proposalId, reasonHash);
    }

    function _propose(bytes memory call, string memory description) private returns (uint256) {
        address[] memory targets = new address[](1);
        uint256[] memory values = new uint256[](1);
        bytes[] memory calldatas = new bytes[](1);
        targets[0] = address(registry);
        calldatas[0] = call;
        return governor.propose(targets, values, calldatas, description);
    }

    /// @dev Ends with the lines that bind a proposal to its governor, chain and proposer.
    function _description(
        uint64 number,
        bytes32 network,
        bytes32 nodeKey,
        bytes32 reasonHash
    ) private view returns (string memory) {
        string memory what = string.concat(
            "Ratification of freeze ",
            Strings.toString(number),
            "\nSubject: ",
            Codes.text(network),
            " ",
            Strings.toHexString(uint256(nodeKey), 32),
            "\nReason SHA-256: ",
            Strings.toHexString(uint256(reasonHash), 32)
        );
        return string.concat(what, "\n", governor.binding(), Strings.toChecksumHexString(address(this)));
    }

    function _confirmCancel(
        Content calldata content,
        uint256 proposalId,
        bytes32 reasonHash,
        address guardian
    ) private {
        _requireCancellable(content, proposalId);
        bytes32 key = _cancelKey(proposalId, reasonHash);
        uint256 confirmations = _confirm(key, reasonHash, guardian);
        emit CancelConfirmed(proposalId, guardian, reasonHash, confirmations, threshold);
        if (confirmations < threshold) return;
        delete _rounds[key];
        emit CancelledByGuardians(proposalId, reasonHash);
        governor.cancel(content.targets, content.values, content.calldatas, content.descriptionHash);
    }

    /// @dev Adds a guardian's confirmation to the round that is open, or begins one. Returns how many there are now.
    function _confirm(bytes32 key, bytes32 reasonHash, address guardian) private returns (uint256) {
        uint16 bit = _bitOf(guardian);
        if (bit == 0) revert NotAGuardian(guardian);
        if (reasonHash == 0) revert ReasonMissing();
        Round memory round = _rounds[key];
        if (!_isOpen(round)) round = Round(_now() + _ticks(CONFIRMATION_SECONDS), term, 0, 0);
        if (round.confirmed & bit != 0) revert AlreadyConfirmed(guardian, round.expiresAt);
        round.confirmed |= bit;
        ++round.confirmations;
        _rounds[key] = round;
        return round.confirmations;
    }

    function _setGuardians(address[] memory guardians_, uint256 threshold_) private {
        uint256 length = guardians_.length;
        if (threshold_ < LOWEST_THRESHOLD || threshold_ > length || length > MAX_GUARDIANS) {
            revert ThresholdRefused(threshold_, LOWEST_THRESHOLD, length, MAX_GUARDIANS);
        }
        delete _guardians;
        for (uint256 i = 0; i < length; ++i) {
            address guardian = guardians_[i];
            if (guardian == address(0) || _bitOf(guardian) != 0) revert InvalidGuardian(guardian);
            _guardians.push(guardian);
        }
        threshold = threshold_;
        emit GuardiansChanged(++term, guardians_, threshold_);
    }

    function _confirmations(bytes32 key) private view returns (address[] memory confirmed, uint48 expiresAt) {
        Round memory round = _rounds[key];
        if (!_isOpen(round)) return (new address[](0), 0);
        confirmed = new address[](round.confirmations);
        uint256 found = 0;
        for (uint256 i = 0; found < confirmed.length; ++i) {
            if (round.confirmed & (1 << i) != 0) confirmed[found++] = _guardians[i];
        }
        return (confirmed, round.expiresAt);
    }

    function _isOpen(Round memory round) private view returns (bool) {
        return round.confirmations != 0 && round.term == term && _now() <= round.expiresAt;
    }

    /// @dev The guardian's bit in {Round-confirmed}; zero for anybody else.
    function _bitOf(address account) private view returns (uint16) {
        uint256 length = _guardians.length;
        for (uint256 i = 0; i < length; ++i) {
            if (_guardians[i] == account) return uint16(1 << i);
        }
        return 0;
    }

    function _requireSigned(
        bytes32 message,
        address guardian,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        if (_now() > deadline) revert ConfirmationExpired(deadline, _now());
        if (!SignatureChecker.isValidSignatureNow(guardian, _hashTypedDataV4(message), signature)) {
            revert InvalidConfirmation(guardian);
        }
    }

    function _requireDecided(bytes32 network, bytes calldata consensusId) private view {
        (uint64 number, , uint48 restsUntil, ) = registry.freezeOf(network, consensusId);
        uint256 proposalId = ratificationOf[number];
        if (proposalId == 0 || _now() > restsUntil) return;
        IGovernor.ProposalState state = governor.state(proposalId);
        if (!_isEnded(state)) revert RatificationUndecided(proposalId, state);
    }

    function _requireCancellable(Content calldata content, uint256 proposalId) private view {
        IGovernor.ProposalState state = governor.state(proposalId);
        if (_isEnded(state)) revert ProposalEnded(proposalId, state);
        for (uint256 i = 0; i < content.targets.length; ++i) {
            if (isProtected(content.targets[i], content.calldatas[i])) revert ProtectedProposal(proposalId, i);
        }
    }

    function _isEnded(IGovernor.ProposalState state) private pure returns (bool) {
        return
            state == IGovernor.ProposalState.Canceled ||
            state == IGovernor.ProposalState.Defeated ||
            state == IGovernor.ProposalState.Expired ||
            state == IGovernor.ProposalState.Executed;
    }

    function _freezeKey(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 reasonHash
    ) private pure returns (bytes32) {
        return keccak256(abi.encode(FREEZE_TYPEHASH, network, keccak256(consensusId), reasonHash));
    }

    function _cancelKey(uint256 proposalId, bytes32 reasonHash) private pure returns (bytes32) {
        return keccak256(abi.encode(CANCEL_TYPEHASH, proposalId, reasonHash));
    }

    function _now() private view returns (uint48) {
        return registry.seats().clock();
    }

    /// @dev Seconds in the unit of the clock.
    function _ticks(uint48 seconds_) private view returns (uint48) {
        return seconds_ * uint48(registry.seats().ticksPerSecond());
    }
}
