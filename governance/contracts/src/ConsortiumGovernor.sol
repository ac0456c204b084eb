// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {
    GovernorPreventLateQuorum
} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorProposalGuardian} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {GovernorCategories} from "./GovernorCategories.sol";
import {NodeRegistry} from "./NodeRegistry.sol";
import {Seats} from "./Seats.sol";
import {Rule} from "./Verdicts.sol";

/// @dev How a {ConsortiumGovernor} starts. Durations are in seconds, whatever the unit of the clock.
struct Settings {
    /// From proposing to the snapshot; may be 0.
    uint48 votingDelay;
    /// From the snapshot to the deadline; not 0.
    uint32 votingPeriod;
    /// At least this long a vote stays open once its quorum is reached.
    uint48 lateQuorumExtension;
    /// What proposals need, by kind: routine, membership, constitutional.
    Rule[3] rules;
    /// The secretariat's account, or zero.
    address convener;
    /// Carries out what is decided, after its delay.
    TimelockController timelock;
    /// Who may cancel a proposal, and open the vote on what it did in an emergency; or zero.
    address guardian;
}

/**
 * @title The governor of the alliance
 * @dev One seat, one vote; for, against, abstain, counted by industry category. What a proposal needs depends on what
 * it would do:
 *
 * - routine: nodes, their roles and freezes, accounts, in the {NodeRegistry};
 * - membership: granting, suspending and reinstating seats, in {Seats};
 * - constitutional: everything else, namely expulsion, voting addresses, rules and contracts.
 *
 * A proposal that does several things is of the strictest kind among them. Its rule is frozen into it when it opens;
 * its electorate is that of its snapshot, which is the clock at proposing plus the voting delay. With a delay of 0 the
 * snapshot is the moment of proposing itself, and the proposal is Pending until the clock has moved on: a ballot in
 * the block of the proposal, or in another one with the same timestamp, is refused with
 * {GovernorUnexpectedProposalState}; one tick later it is accepted. The last moment to vote is the deadline itself.
 *
 * A proposal succeeds or is defeated one tick after its deadline, or as soon as the missing votes can't change its
 * outcome. Anyone may then {queue} it, and {execute} it when the timelock's delay is over. The timelock executes for the
 * governor alone, so that nothing is carried out past it and its events tell of everything.
 *
 * Delay, period and extension are in the unit of {Seats-clock}, also where a proposal changes them.
 */
contract ConsortiumGovernor is
    GovernorSettings,
    GovernorVotes,
    GovernorCategories,
    GovernorPreventLateQuorum,
    GovernorProposalGuardian,
    GovernorTimelockControl,
    NoncesKeyed
{
    /// @dev Length of an address in a description, `0x` included.
    uint256 private constant ADDRESS_LENGTH = 42;

    /// @dev Where nodes and accounts are kept.
    NodeRegistry public immutable registry;

    /// @dev The secretariat's account, which proposes on behalf of the members and has no vote. Zero for none.
    address public convener;

    /// @dev Another account, or none, proposes for the secretariat from now on.
    event ConvenerSet(address oldConvener, address newConvener);

    /// @dev Neither the voting address of an active seat, nor the convener, nor the guardian.
    error NotAllowedToPropose(address account);

    /// @dev The description does not end with `binding` and an address.
    error DescriptionNotBound(string binding);

    /// @dev With one vote a seat, a threshold above zero would shut out the convener, and one above 1 everybody.
    error ProposalThresholdRefused(uint256 threshold);

    /**
     * @param seats_ where the votes come from
     * @param registry_ where nodes and accounts are kept
     * @param settings how the governor starts
     */
    constructor(
        Seats seats_,
        NodeRegistry registry_,
        Settings memory settings
    )
        Governor("Consortium Governor")
        GovernorSettings(
            SafeCast.toUint48(settings.votingDelay * seats_.ticksPerSecond()),
            SafeCast.toUint32(settings.votingPeriod * seats_.ticksPerSecond()),
            0
        )
        GovernorVotes(seats_)
        GovernorCategories(seats_, settings.rules)
        GovernorPreventLateQuorum(SafeCast.toUint48(settings.lateQuorumExtension * seats_.ticksPerSecond()))
        GovernorTimelockControl(settings.timelock)
    {
        registry = registry_;
        _setConvener(settings.convener);
        _setProposalGuardian(settings.guardian);
    }

    /**
     * @dev See {Governor-propose}. For the voting address of an active seat, the convener and the guardian.
     *
     * A proposal's id is the hash of its content without its proposer. So that there is never the same one on another
     * chain or with another governor, and nobody else can open it first, the description must end with {binding}
     * followed by the address of the sender.
     */
    function propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description
    ) public override returns (uint256) {
        if (!mayPropose(msg.sender)) revert NotAllowedToPropose(msg.sender);
        _requireBound(bytes(description));
        return super.propose(targets, values, calldatas, description);
    }

    /// @dev Whether `account` may open a proposal now.
    function mayPropose(address account) public view returns (bool) {
        return account == convener || account == proposalGuardian() || seats.isActive(seats.memberOf(account));
    }

    /**
     * @dev What stands at the end of a description, in front of the address of the account that opens the proposal:
     * this governor as a CAIP-10 account id with its address in EIP-55 form, and the marker of {Governor-propose}.
     */
    function binding() public view returns (string memory) {
        return
            string.concat(
                "#governor=eip155:",
                Strings.toString(block.chainid),
                ":",
                Strings.toChecksumHexString(address(this)),
                "\n#proposer="
            );
    }

    /// @dev Of what kind a proposal of these calls would be: 0 routine, 1 membership, 2 constitutional.
    function kindOf(address[] memory targets, bytes[] memory calldatas) public view override returns (uint8 kind) {
        for (uint256 i = 0; i < targets.length; ++i) {
            uint8 another = uint8(_kindOfCall(targets[i], bytes4(calldatas[i])));
            if (another > kind) kind = another;
        }
    }

    /**
     * @dev Lets another account, or with zero none, propose for the secretariat. Only by proposal.
     *
     * Emits a {ConvenerSet} event.
     */
    function setConvener(address newConvener) external onlyGovernance {
        _setConvener(newConvener);
    }

    /**
     * @dev See {GovernorProposalGuardian-setProposalGuardian}. Only by proposal, be it one of the governor in office
     * that hands over to this one; the founder of {Seats} may, too, until the founding is closed, because guardian and
     * governor must know of each other.
     */
    function setProposalGuardian(address newProposalGuardian) public override {
        if (msg.sender == seats.founder() || msg.sender == _executor()) _setProposalGuardian(newProposalGuardian);
        else super.setProposalGuardian(newProposalGuardian);
    }

    /**
     * @dev See {Governor-castVoteBySig}. The nonce in the ballot is `nonces(voter, uint192(proposalId))`: as a vote is
     * cast once, it is always the lowest 192 bits of the proposal's id followed by 64 zero bits, and ballots on
     * different proposals don't wait for each other.
     */
    function castVoteBySig(
        uint256 proposalId,
        uint8 support,
        address voter,
        bytes memory signature
    ) public override returns (uint256) {
        bytes32 content = keccak256(
            abi.encode(BALLOT_TYPEHASH, proposalId, support, voter, _useNonce(voter, uint192(proposalId)))
        );
        if (!SignatureChecker.isValidSignatureNow(voter, _hashTypedDataV4(content), signature)) {
            revert GovernorInvalidSignature(voter);
        }
        return _castVote(proposalId, voter, support, "");
    }

    /// @dev Refused: a ballot is for, against or abstain, and has no parameters. Sign one for {castVoteBySig}.
    function castVoteWithReasonAndParamsBySig(
        uint256,
        uint8,
        address,
        string calldata,
        bytes memory,
        bytes memory
    ) public pure override returns (uint256) {
        revert GovernorInvalidVoteParams();
    }

    /// @dev Refused: a ballot has no parameters. Cast it by {Governor-castVoteWithReason}.
    function castVoteWithReasonAndParams(
        uint256,
        uint8,
        string calldata,
        bytes memory
    ) public pure override returns (uint256) {
        revert GovernorInvalidVoteParams();
    }

    /// @dev Always 0.
    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    /// @dev See {IGovernor-state}.
    function state(
        uint256 proposalId
    ) public view override(Governor, GovernorCategories, GovernorTimelockControl) returns (ProposalState) {
        return super.state(proposalId);
    }

    /// @dev The last moment to vote, which moves when the quorum is reached late.
    function proposalDeadline(
        uint256 proposalId
    ) public view override(Governor, GovernorPreventLateQuorum) returns (uint256) {
        return super.proposalDeadline(proposalId);
    }

    /// @dev Always true: what is decided waits in the timelock.
    function proposalNeedsQueuing(
        uint256 proposalId
    ) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(proposalId);
    }

    /// @dev OpenZeppelin takes a description without a proposer, or with none that can be read, from anybody.
    function _isValidDescriptionForProposer(
        address proposer,
        string memory description
    ) internal pure override returns (bool) {
        uint256 length = bytes(description).length;
        (bool success, address bound) = Strings.tryParseAddress(description, length - ADDRESS_LENGTH, length);
        return success && bound == proposer;
    }

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override(Governor, GovernorCategories) returns (uint256) {
        return super._propose(targets, values, calldatas, description, proposer);
    }

    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }

    /// @dev Without a guardian OpenZeppelin lets the proposer cancel even what the members have decided.
    function _validateCancel(
        uint256 proposalId,
        address caller
    ) internal view override(Governor, GovernorProposalGuardian) returns (bool) {
        if (proposalGuardian() == address(0)) return Governor._validateCancel(proposalId, caller);
        return super._validateCancel(proposalId, caller);
    }

    function _useCheckedNonce(address owner, uint256 keyNonce) internal override(Nonces, NoncesKeyed) {
        super._useCheckedNonce(owner, keyNonce);
    }

    function _setProposalThreshold(uint256 threshold) internal override {
        if (threshold != 0) revert ProposalThresholdRefused(threshold);
        super._setProposalThreshold(threshold);
    }

    function _setConvener(address newConvener) private {
        emit ConvenerSet(convener, newConvener);
        convener = newConvener;
    }

    function _kindOfCall(address target, bytes4 selector) private view returns (Kind) {
        if (target == address(registry)) {
            if (
                selector == NodeRegistry.setRole.selector ||
                selector == NodeRegistry.remove.selector ||
                selector == NodeRegistry.setAccount.selector ||
                selector == NodeRegistry.ratifyFreeze.selector ||
                selector == NodeRegistry.thaw.selector
            ) return Kind.Routine;
        } else if (target == address(seats)) {
            if (
                selector == Seats.grant.selector ||
                selector == Seats.suspend.selector ||
                selector == Seats.reinstate.selector
            ) return Kind.Membership;
        }
        return Kind.Constitutional;
    }

    function _requireBound(bytes memory description) private view {
        string memory expected = binding();
        uint256 length = bytes(expected).length;
        bytes32 actual;
        if (description.length >= length + ADDRESS_LENGTH) {
            uint256 start = description.length - length - ADDRESS_LENGTH;
            assembly ("memory-safe") {
                actual := keccak256(add(add(description, 0x20), start), length)
            }
        }
        if (actual != keccak256(bytes(expected))) revert DescriptionNotBound(expected);
    }
}
