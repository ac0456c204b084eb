// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Votes} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Votes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {Codes} from "./Codes.sol";

/// @dev What {Seats-closeFounding} asks of a governor before it hands the alliance over for good.
interface ISeatGovernor {
    /// @dev The contract from which the governor takes voting weight.
    function token() external view returns (address);

    /// @dev The contract in whose name decisions are carried out, after their delay.
    function timelock() external view returns (address);

    /// @dev Where nodes and accounts are kept.
    function registry() external view returns (address);
}

/// @dev What {Seats-closeFounding} asks of the registry of nodes and accounts.
interface ISeatRegistry {
    /// @dev Where it looks members up.
    function seats() external view returns (address);

    /// @dev Whom alone it obeys.
    function executor() external view returns (address);
}

/**
 * @title The seats of the alliance
 * @dev One soulbound seat a member, one vote a seat. A seat belongs to a member institution, identified by
 * `memberId`: its 18-character Unified Social Credit Code in ASCII, padded with zeros on the right. The token id is
 * the same value as a number. The owner of the token is the member's voting address.
 *
 * A seat votes for itself only: delegation and transfers are refused, so the weight of an address is always 0 or 1.
 * Suspension takes the weight away from then on and leaves the seat; weights at earlier moments stay as they were, so
 * the electorate of a proposal that is already open does not change.
 *
 * Seats are also counted by industry category, now and at every earlier moment, so that a governor can ask for
 * majorities in several categories.
 *
 * The founder enters the founding members, then closes the founding, and has no power afterwards. From then on only
 * the executor changes seats: the timelock that carries out what the members have decided by vote. A new governor
 * takes over by taking over that timelock; the seats stay as they are.
 *
 * NOTE: The clock is the block's timestamp, in the unit of the chain: seconds on Ethereum-compatible chains,
 * milliseconds on a FISCO BCOS chain without `feature_evm_timestamp`. {ticksPerSecond} says which.
 */
contract Seats is ERC721Votes {
    using Checkpoints for Checkpoints.Trace208;

    enum Status {
        None,
        Active,
        Suspended
    }

    struct Record {
        uint8 category;
        Status status;
    }

    /// @dev The industry categories are numbered from 1; their names are the console's.
    uint8 public constant LOWEST_CATEGORY = 1;

    /// @dev The last of the industry categories.
    uint8 public constant HIGHEST_CATEGORY = 6;

    /// @dev A timestamp above this one is in milliseconds: it is the year 5138 in seconds, and 1973 in milliseconds.
    uint256 private constant LAST_SECOND = 100_000_000_000;

    bytes32 private constant ADMIN_ROLE = 0x00;
    bytes32 private constant PROPOSER_ROLE = keccak256("PROPOSER_ROLE");
    bytes32 private constant CANCELLER_ROLE = keccak256("CANCELLER_ROLE");
    bytes32 private constant EXECUTOR_ROLE = keccak256("EXECUTOR_ROLE");

    /// @dev What the clock counts in a second: 1, or 1000 on a chain whose timestamps are milliseconds.
    uint256 public immutable ticksPerSecond;

    /// @dev Who may enter founding members. Zero once the founding is closed.
    address public founder;

    /// @dev Who alone changes seats after the founding. Zero until the founding is closed; never changes afterwards.
    address public executor;

    /// @dev Number of seats, suspended ones included.
    uint256 public seatCount;

    /// @dev The member that votes with an address; zero if there is none.
    mapping(address voter => bytes32) public memberOf;

    mapping(bytes32 memberId => Record) private _records;

    /// @dev The category of the vote that an address has; 0 while it has none.
    mapping(address voter => Checkpoints.Trace208) private _categoryCheckpoints;

    mapping(uint8 category => Checkpoints.Trace208) private _supplyCheckpoints;

    /// @dev A seat was given, in the founding or by vote.
    event SeatGranted(bytes32 indexed memberId, uint8 category, address voter);

    /// @dev The member keeps its seat, and votes in no proposal that opens from now on.
    event SeatSuspended(bytes32 indexed memberId);

    /// @dev The member votes again in proposals that open from now on.
    event SeatReinstated(bytes32 indexed memberId);

    /// @dev The seat is gone.
    event SeatRevoked(bytes32 indexed memberId);

    /// @dev The member votes with another address from now on.
    event SeatVoterChanged(bytes32 indexed memberId, address voter);

    /// @dev The founder's power has ended; what `governor` decides, `executor` carries out.
    event FoundingClosed(address governor, address executor);

    /// @dev The caller is not the founder, or the founding is closed (`expected` is zero).
    error FounderOnly(address actual, address expected);

    /// @dev The caller is not the executor, or the founding is still open (`expected` is zero).
    error ExecutorOnly(address actual, address expected);

    /// @dev A clock counts 1 or 1000 in a second, and the timestamp of this very block must agree with that.
    error ClockUnitRefused(uint256 ticksPerSecond, uint256 timestamp);

    /// @dev The three lists of {found} are not equally long.
    error UnequalLengths(uint256 memberIds, uint256 categories, uint256 voters);

    /// @dev Not 18 digits and capital letters padded with zeros.
    error InvalidMemberId(bytes32 actual);

    /// @dev No such industry category.
    error InvalidCategory(uint8 actual, uint8 lowest, uint8 highest);

    /// @dev The zero address can't vote.
    error InvalidVoter(address actual);

    /// @dev One address holds at most one seat.
    error VoterTaken(address voter, bytes32 holder);

    /// @dev The seat is not in the state that the change starts from.
    error UnexpectedSeatStatus(bytes32 memberId, Status actual, Status expected);

    /// @dev The member has no seat.
    error NoSeat(bytes32 memberId);

    /// @dev Without an active seat nobody could ever vote again.
    error LastActiveSeat(bytes32 memberId);

    /// @dev A founding can't be closed before somebody can vote.
    error NoSeatsFounded();

    /// @dev The seats would be handed to something that takes its votes from elsewhere, and be lost for good.
    error GovernorNotOverTheseSeats(address governor);

    /// @dev The governor has no such timelock, or may not propose to it, cancel in it and execute what is due in it.
    error TimelockNotOfTheGovernor(address timelock, address governor);

    /// @dev The founder still has a role in the timelock, and so a power that the members did not give.
    error TimelockNotReleased(address timelock, address founder);

    /// @dev Anybody may execute what is due in the timelock, past the governor, which would not tell of it.
    error TimelockOpenToAnybody(address timelock);

    /// @dev The governor's registry is none, obeys another than the timelock, or looks members up elsewhere.
    error RegistryNotOfTheAlliance(address registry, address timelock);

    /// @dev A seat belongs to its member.
    error SeatNotTransferable(bytes32 memberId);

    /// @dev Nobody else may move a seat, so there is nothing to approve.
    error ApprovalRefused(address owner);

    /// @dev Every member votes for itself.
    error DelegationRefused(address account);

    modifier onlyFounder() {
        if (msg.sender != founder) revert FounderOnly(msg.sender, founder);
        _;
    }

    modifier onlyExecutor() {
        if (msg.sender != executor) revert ExecutorOnly(msg.sender, executor);
        _;
    }

    /**
     * @dev Whoever deploys is the founder.
     *
     * @param ticksPerSecond_ 1 where a block's timestamp is in seconds, 1000 where it is in milliseconds
     */
    constructor(uint256 ticksPerSecond_) ERC721("Consortium Seat", "SEAT") EIP712("Consortium Seats", "1") {
        if (ticksPerSecond_ != (block.timestamp > LAST_SECOND ? 1000 : 1)) {
            revert ClockUnitRefused(ticksPerSecond_, block.timestamp);
        }
        ticksPerSecond = ticksPerSecond_;
        founder = msg.sender;
    }

    /**
     * @dev Enters founding members; may be called several times, so that a large alliance fits into blocks.
     *
     * Emits a {SeatGranted} event for each.
     */
    function found(
        bytes32[] calldata memberIds,
        uint8[] calldata categories,
        address[] calldata voters
    ) external onlyFounder {
        if (memberIds.length != categories.length || memberIds.length != voters.length) {
            revert UnequalLengths(memberIds.length, categories.length, voters.length);
        }
        for (uint256 i = 0; i < memberIds.length; ++i) {
            _grant(memberIds[i], categories[i], voters[i]);
        }
    }

    /**
     * @dev Hands the seats to the timelock of `governor`, for good.
     *
     * Requirements:
     *
     * - there is a seat that can vote.
     * - `governor` is a contract that takes its votes from this one.
     * - it may propose to its timelock, cancel in it, and execute what is due in it; the founder may do none of that,
     *   nor administer the timelock, and what is due is not for anybody to execute.
     * - its registry obeys that timelock, and looks members up here.
     *
     * NOTE: Whom else the founder has given a role in the timelock, no contract can find out. The timelock's events
     * `RoleGranted` and `RoleRevoked` tell.
     *
     * Emits a {FoundingClosed} event.
     */
    function closeFounding(address governor) external onlyFounder {
        if (seatCount == 0) revert NoSeatsFounded();
        if (!_countsTheseSeats(governor)) revert GovernorNotOverTheseSeats(governor);
        address timelock = ISeatGovernor(governor).timelock();
        _requireReleased(timelock, governor);
        _requireObedient(ISeatGovernor(governor).registry(), timelock);
        founder = address(0);
        executor = timelock;
        emit FoundingClosed(governor, timelock);
    }

    /**
     * @dev Gives `memberId` a seat in `category`, voting with `voter`. A member whose seat was revoked may get a new
     * one.
     *
     * Emits a {SeatGranted} event.
     */
    function grant(bytes32 memberId, uint8 category, address voter) external onlyExecutor {
        _grant(memberId, category, voter);
    }

    /**
     * @dev Takes away the vote of `memberId` from now on; the seat stays.
     *
     * Emits a {SeatSuspended} event.
     */
    function suspend(bytes32 memberId) external onlyExecutor {
        _requireStatus(memberId, Status.Active);
        _requireAnotherActive(memberId);
        _records[memberId].status = Status.Suspended;
        _transferVotingUnits(_voterOf(memberId), address(0), 1);
        emit SeatSuspended(memberId);
    }

    /**
     * @dev Gives a suspended `memberId` its vote back from now on.
     *
     * Emits a {SeatReinstated} event.
     */
    function reinstate(bytes32 memberId) external onlyExecutor {
        _requireStatus(memberId, Status.Suspended);
        _records[memberId].status = Status.Active;
        _transferVotingUnits(address(0), _voterOf(memberId), 1);
        emit SeatReinstated(memberId);
    }

    /**
     * @dev Takes the seat of `memberId` away, suspended or not.
     *
     * Emits a {SeatRevoked} event.
     */
    function revoke(bytes32 memberId) external onlyExecutor {
        _requireSeat(memberId);
        if (isActive(memberId)) _requireAnotherActive(memberId);
        delete memberOf[_voterOf(memberId)];
        _burn(uint256(memberId));
        delete _records[memberId];
        --seatCount;
        emit SeatRevoked(memberId);
    }

    /**
     * @dev Lets `memberId` vote with another address from now on. In proposals that are already open the former
     * address keeps the vote. A suspended member may change its address and stays suspended.
     *
     * Emits a {SeatVoterChanged} event.
     */
    function changeVoter(bytes32 memberId, address voter) external onlyExecutor {
        _requireSeat(memberId);
        _requireFreeVoter(voter);
        address former = _voterOf(memberId);
        delete memberOf[former];
        memberOf[voter] = memberId;
        _transfer(former, voter, uint256(memberId));
        emit SeatVoterChanged(memberId, voter);
    }

    /// @dev Category (1 to 6), voting address and status (0 none, 1 active, 2 suspended); zeros where there is no seat.
    function seatOf(bytes32 memberId) external view returns (uint8 category, address voter, uint8 status) {
        Record storage record = _records[memberId];
        return (record.category, _voterOf(memberId), uint8(record.status));
    }

    /// @dev Whether `memberId` has a seat that may vote and propose now.
    function isActive(bytes32 memberId) public view returns (bool) {
        return _records[memberId].status == Status.Active;
    }

    /// @dev Number of seats that may vote now.
    function activeSeatCount() external view returns (uint256) {
        return _getTotalSupply();
    }

    /// @dev Number of seats in `category` that may vote now.
    function categorySupply(uint8 category) external view returns (uint256) {
        _requireCategory(category);
        return _supplyCheckpoints[category].latest();
    }

    /// @dev Number of seats in `category` that could vote at `timepoint`, which must be past.
    function getPastCategorySupply(uint8 category, uint256 timepoint) external view returns (uint256) {
        _requireCategory(category);
        return _supplyCheckpoints[category].upperLookupRecent(_validateTimepoint(timepoint));
    }

    /// @dev {getPastCategorySupply} of all categories: that of category `n` is at index `n - 1`.
    function getPastCategorySupplies(uint256 timepoint) external view returns (uint32[6] memory supplies) {
        uint48 moment = _validateTimepoint(timepoint);
        for (uint8 category = LOWEST_CATEGORY; category <= HIGHEST_CATEGORY; ++category) {
            supplies[category - 1] = uint32(_supplyCheckpoints[category].upperLookupRecent(moment));
        }
    }

    /// @dev The category (1 to 6) of the vote that `voter` had at `timepoint`, which must be past; 0 if it had none.
    function categoryOf(address voter, uint256 timepoint) external view returns (uint8) {
        return uint8(_categoryCheckpoints[voter].upperLookupRecent(_validateTimepoint(timepoint)));
    }

    /// @dev Clock of the checkpoints (ERC-6372): the block's timestamp.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @dev Machine-readable description of the clock (ERC-6372).
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @dev Every address votes for itself; there is nothing to store and nobody to choose.
    function delegates(address account) public pure override returns (address) {
        return account;
    }

    /// @dev Refused: a seat belongs to its member.
    function transferFrom(address, address, uint256 tokenId) public pure override {
        revert SeatNotTransferable(bytes32(tokenId));
    }

    /// @dev Refused: a seat belongs to its member.
    function approve(address, uint256 tokenId) public pure override {
        revert SeatNotTransferable(bytes32(tokenId));
    }

    /// @dev Refused: a seat belongs to its member.
    function setApprovalForAll(address, bool) public view override {
        revert ApprovalRefused(msg.sender);
    }

    /// @dev Refused, for {Votes-delegate} and {Votes-delegateBySig} alike.
    function _delegate(address account, address) internal pure override {
        revert DelegationRefused(account);
    }

    /// @dev A suspended seat has no voting units, so none move with it.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address) {
        if (_records[bytes32(tokenId)].status == Status.Suspended) return ERC721._update(to, tokenId, auth);
        return super._update(to, tokenId, auth);
    }

    /// @dev Wherever a vote goes, its category goes with it.
    function _transferVotingUnits(address from, address to, uint256 amount) internal override {
        super._transferVotingUnits(from, to, amount);
        if (from != address(0)) {
            uint8 former = uint8(_categoryCheckpoints[from].latest());
            _categoryCheckpoints[from].push(clock(), 0);
            _supplyCheckpoints[former].push(clock(), _supplyCheckpoints[former].latest() - 1);
        }
        if (to != address(0)) {
            uint8 category = _records[memberOf[to]].category;
            _categoryCheckpoints[to].push(clock(), category);
            _supplyCheckpoints[category].push(clock(), _supplyCheckpoints[category].latest() + 1);
        }
    }

    function _grant(bytes32 memberId, uint8 category, address voter) private {
        if (!Codes.isMemberId(memberId)) revert InvalidMemberId(memberId);
        _requireCategory(category);
        _requireStatus(memberId, Status.None);
        _requireFreeVoter(voter);
        _records[memberId] = Record(category, Status.Active);
        memberOf[voter] = memberId;
        ++seatCount;
        _mint(voter, uint256(memberId));
        emit SeatGranted(memberId, category, voter);
    }

    function _voterOf(bytes32 memberId) private view returns (address) {
        return _ownerOf(uint256(memberId));
    }

    function _requireCategory(uint8 category) private pure {
        if (category < LOWEST_CATEGORY || category > HIGHEST_CATEGORY) {
            revert InvalidCategory(category, LOWEST_CATEGORY, HIGHEST_CATEGORY);
        }
    }

    function _requireStatus(bytes32 memberId, Status expected) private view {
        Status actual = _records[memberId].status;
        if (actual != expected) revert UnexpectedSeatStatus(memberId, actual, expected);
    }

    function _requireSeat(bytes32 memberId) private view {
        if (_records[memberId].status == Status.None) revert NoSeat(memberId);
    }

    function _requireAnotherActive(bytes32 memberId) private view {
        if (_getTotalSupply() == 1) revert LastActiveSeat(memberId);
    }

    function _requireFreeVoter(address voter) private view {
        if (voter == address(0)) revert InvalidVoter(voter);
        if (memberOf[voter] != 0) revert VoterTaken(voter, memberOf[voter]);
    }

    /// @dev The governor has its three roles in the timelock, the founder has none, and no role is for anybody.
    function _requireReleased(address timelock, address governor) private view {
        if (timelock.code.length == 0) revert TimelockNotOfTheGovernor(timelock, governor);
        IAccessControl roles = IAccessControl(timelock);
        if (
            !roles.hasRole(PROPOSER_ROLE, governor) ||
            !roles.hasRole(CANCELLER_ROLE, governor) ||
            !roles.hasRole(EXECUTOR_ROLE, governor)
        ) revert TimelockNotOfTheGovernor(timelock, governor);
        if (
            roles.hasRole(ADMIN_ROLE, founder) ||
            roles.hasRole(PROPOSER_ROLE, founder) ||
            roles.hasRole(CANCELLER_ROLE, founder) ||
            roles.hasRole(EXECUTOR_ROLE, founder)
        ) revert TimelockNotReleased(timelock, founder);
        if (roles.hasRole(EXECUTOR_ROLE, address(0))) revert TimelockOpenToAnybody(timelock);
    }

    function _requireObedient(address registry, address timelock) private view {
        if (
            registry.code.length == 0 ||
            ISeatRegistry(registry).executor() != timelock ||
            ISeatRegistry(registry).seats() != address(this)
        ) revert RegistryNotOfTheAlliance(registry, timelock);
    }

    function _countsTheseSeats(address candidate) private view returns (bool) {
        if (candidate.code.length == 0) return false;
        try ISeatGovernor(candidate).token() returns (address token) {
            return token == address(this);
        } catch {
            return false;
        }
    }
}
