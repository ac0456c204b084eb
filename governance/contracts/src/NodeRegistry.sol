// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Codes} from "./Codes.sol";
import {Seats} from "./Seats.sol";

/**
 * @title The members' nodes and accounts
 * @notice Which node takes part in which network, in which role, for which member; and which account may do what there.
 * The permission lists of the nodes are computed from it.
 * @dev Only the executor, that is, only the members by vote, change it. While the founding of {Seats} is open, its
 * founder enters the nodes and accounts that the networks start with, and names the guardian; closing the founding
 * ends that here too.
 *
 * The guardian is the {BreakGlass} contract or none. All that it can do is to freeze a node: to have it left out of the
 * permission lists for a while, whatever its role. A freeze ends by itself after at most {MAX_FREEZE_SECONDS}, with no
 * transaction; the members may ratify it, and then it lasts until they thaw the node. However a freeze ended, the
 * guardian can't freeze the same node in the same network again for {REST_SECONDS}, so that freezes in a row don't
 * become a long one. The members' votes outrank a freeze: they may change a frozen node's role, or remove it.
 *
 * A network is named by its slug in ASCII (small letters, digits, hyphens), padded with zeros on the right. A node is
 * named by its consensus id: the 64 bytes of its secp256k1 public key, without the leading 0x04. Its key here is the
 * keccak256 hash of that id, whose last 20 bytes are the node's address on Ethereum-compatible chains.
 *
 * Times are in the unit of {Seats-clock}.
 */
contract NodeRegistry {
    /// @dev What a node is in a network: a sealer makes blocks, an observer reads them.
    enum Role {
        None,
        Observer,
        Sealer
    }

    /// @dev What an account may do in a network. To deploy includes to transact.
    enum Permission {
        None,
        Transact,
        Deploy
    }

    struct Entry {
        bytes32 memberId;
        Role role;
    }

    struct Account {
        bytes32 memberId;
        Permission permission;
    }

    /// @dev `number` is zero when there is no freeze that could be ratified or thawed.
    struct Freeze {
        uint64 number;
        uint48 until;
        uint48 restsUntil;
        bool ratified;
    }

    /// @notice The lowest role that {setRole} gives: 1, observer.
    uint8 public constant LOWEST_ROLE = uint8(Role.Observer);

    /// @notice The highest role that {setRole} gives: 2, sealer.
    uint8 public constant HIGHEST_ROLE = uint8(Role.Sealer);

    /// @notice The highest permission that {setAccount} gives: 2, may deploy.
    uint8 public constant HIGHEST_PERMISSION = uint8(Permission.Deploy);

    /// @notice The longest that the guardian may freeze a node, in seconds.
    uint48 public constant MAX_FREEZE_SECONDS = 72 hours;

    /// @notice How long the guardian must leave a node alone after a freeze of it has ended, in seconds.
    uint48 public constant REST_SECONDS = 30 days;

    /// @notice What {frozenUntil} says of a ratified freeze: it has no end of its own.
    uint48 public constant UNTIL_THAWED = type(uint48).max;

    /// @notice Length of a consensus id, in bytes.
    uint256 public constant CONSENSUS_ID_LENGTH = 64;

    /// @notice Where members are looked up.
    Seats public immutable seats;

    /// @notice Who alone carries out what the members decided: the governor's timelock.
    address public immutable executor;

    /// @notice Who may freeze a node; zero for nobody.
    address public guardian;

    /// @notice Number of freezes so far; each has its number, from 1.
    uint64 public freezeCount;

    /// @notice Number of nodes in a network, whatever their role.
    mapping(bytes32 network => uint256) public count;

    mapping(bytes32 network => mapping(bytes32 nodeKey => Entry)) private _entries;
    mapping(bytes32 network => mapping(bytes32 nodeKey => Freeze)) private _freezes;
    mapping(bytes32 network => mapping(address account => Account)) private _accounts;

    /// @notice A node has this role (1 observer, 2 sealer) from now on; role 0: it has left the network.
    event NodeRoleChanged(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        bytes32 indexed memberId,
        bytes consensusId,
        uint8 role
    );

    /// @notice An account has this permission (1 may transact, 2 may deploy) from now on; 0: none any more.
    event AccountPermissionChanged(
        bytes32 indexed network,
        address indexed account,
        bytes32 indexed memberId,
        uint8 permission
    );

    /// @notice The guardian froze a node: it is out of the permission lists before `until`.
    event NodeFrozen(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        bytes32 indexed memberId,
        bytes consensusId,
        uint48 until,
        uint64 number
    );

    /// @notice The members ratified a freeze: the node is out of the permission lists until they thaw it.
    event NodeFreezeRatified(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        bytes32 indexed memberId,
        bytes consensusId,
        uint64 number
    );

    /// @notice The members ended a freeze, by {thaw} or by removing the node.
    event NodeThawed(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        bytes32 indexed memberId,
        bytes consensusId,
        uint64 number
    );

    /// @notice Another contract, or none, may freeze nodes from now on.
    event GuardianSet(address oldGuardian, address newGuardian);

    /// @dev The caller is not the executor.
    error ExecutorOnly(address actual, address expected);

    /// @dev The caller is not the guardian (`expected` zero: there is none).
    error BreakGlassOnly(address actual, address expected);

    /// @dev The caller is not the founder of the seats, or the founding is over (`expected` zero).
    error FounderOnly(address actual, address expected);

    /// @dev The lists of a founding differ in length.
    error UnequalNodeLists(uint256 networks, uint256 consensusIds, uint256 memberIds, uint256 roles);

    /// @dev The lists of a founding differ in length.
    error UnequalAccountLists(uint256 networks, uint256 accounts, uint256 memberIds, uint256 permissions);

    /// @dev Not small letters, digits and hyphens padded with zeros.
    error InvalidNetwork(bytes32 actual);

    /// @dev Not 64 bytes long.
    error InvalidConsensusId(uint256 actualLength, uint256 expectedLength);

    /// @dev No such role.
    error InvalidRole(uint8 actual, uint8 lowest, uint8 highest);

    /// @dev The member has no seat (status 0), or a suspended one (status 2).
    error MemberNotActive(bytes32 memberId, uint8 status);

    /// @dev The node belongs to another member; remove it first.
    error NodeOwnedByAnother(bytes32 nodeKey, bytes32 actual, bytes32 expected);

    /// @dev The node has this role already.
    error RoleUnchanged(bytes32 nodeKey, uint8 role);

    /// @dev The node is not in this network.
    error UnknownNode(bytes32 network, bytes32 nodeKey);

    /// @dev No such permission.
    error InvalidPermission(uint8 actual, uint8 highest);

    /// @dev The zero address does nothing.
    error InvalidAccount(address actual);

    /// @dev The account belongs to another member; take its permission away first.
    error AccountOwnedByAnother(address account, bytes32 actual, bytes32 expected);

    /// @dev The account has this permission already; 0: it has none.
    error PermissionUnchanged(address account, uint8 permission);

    /// @dev Not in the future, or later than a freeze may last.
    error InvalidFreezeEnd(uint48 actual, uint48 earliest, uint48 latest);

    /// @dev The node is frozen already; a ratified freeze says {UNTIL_THAWED}.
    error NodeAlreadyFrozen(bytes32 nodeKey, uint48 until);

    /// @dev The last freeze of the node has ended too short a time ago.
    error NodeAtRest(bytes32 nodeKey, uint48 until);

    /// @dev The node has no such freeze: it was thawed or removed since, or frozen anew (`actual`).
    error UnknownFreeze(bytes32 nodeKey, uint64 actual, uint64 expected);

    /// @dev The members ratified this freeze before.
    error FreezeAlreadyRatified(bytes32 nodeKey, uint64 number);

    /// @dev The freeze has lapsed, and `latest` was the last moment to ratify it: the node may be frozen anew since.
    error RatificationTooLate(bytes32 nodeKey, uint48 latest);

    /// @dev The node is not frozen, or its freeze has lapsed.
    error NodeNotFrozen(bytes32 network, bytes32 nodeKey);

    modifier onlyExecutor() {
        if (msg.sender != executor) revert ExecutorOnly(msg.sender, executor);
        _;
    }

    modifier onlyFounder() {
        address founder = seats.founder();
        if (msg.sender != founder) revert FounderOnly(msg.sender, founder);
        _;
    }

    /// @param seats_ where members are looked up
    /// @param executor_ who alone carries out what the members decided: the governor's timelock
    constructor(Seats seats_, address executor_) {
        seats = seats_;
        executor = executor_;
    }

    /**
     * @notice Enters the nodes that the networks start with; may be called several times, so that many fit into blocks.
     * Each is held to the same conditions as in {setRole}.
     *
     * Emits a {NodeRoleChanged} event for each.
     */
    function found(
        bytes32[] calldata networks,
        bytes[] calldata consensusIds,
        bytes32[] calldata memberIds,
        uint8[] calldata roles
    ) external onlyFounder {
        uint256 length = networks.length;
        if (length != consensusIds.length || length != memberIds.length || length != roles.length) {
            revert UnequalNodeLists(length, consensusIds.length, memberIds.length, roles.length);
        }
        for (uint256 i = 0; i < length; ++i) {
            _setRole(networks[i], consensusIds[i], memberIds[i], roles[i]);
        }
    }

    /**
     * @notice Enters the accounts that the networks start with; may be called several times. Each is held to the same
     * conditions as in {setAccount}.
     *
     * Emits an {AccountPermissionChanged} event for each.
     */
    function foundAccounts(
        bytes32[] calldata networks,
        address[] calldata accounts,
        bytes32[] calldata memberIds,
        uint8[] calldata permissions
    ) external onlyFounder {
        uint256 length = networks.length;
        if (length != accounts.length || length != memberIds.length || length != permissions.length) {
            revert UnequalAccountLists(length, accounts.length, memberIds.length, permissions.length);
        }
        for (uint256 i = 0; i < length; ++i) {
            _setAccount(networks[i], accounts[i], memberIds[i], permissions[i]);
        }
    }

    /**
     * @notice Names the contract that may freeze nodes, or with zero none. By the founder, then only by proposal.
     *
     * A freeze stays as it is when the guardian changes.
     *
     * Emits a {GuardianSet} event.
     */
    function setGuardian(address newGuardian) external {
        if (msg.sender != executor && msg.sender != seats.founder()) revert ExecutorOnly(msg.sender, executor);
        emit GuardianSet(guardian, newGuardian);
        guardian = newGuardian;
    }

    /**
     * @notice Admits a node of `memberId` to `network`, or gives it another role.
     *
     * Requirements:
     *
     * - the member has an active seat.
     * - the node is new to the network, or belongs to the same member and has another role.
     *
     * A frozen node stays frozen, whatever its role.
     *
     * Emits a {NodeRoleChanged} event.
     */
    function setRole(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 memberId,
        uint8 role
    ) external onlyExecutor {
        _setRole(network, consensusId, memberId, role);
    }

    /**
     * @notice Takes a node out of `network`, whether or not its member still has a seat. A freeze of it ends.
     *
     * Emits a {NodeRoleChanged} event with role 0, after a {NodeThawed} event if it was frozen.
     */
    function remove(bytes32 network, bytes calldata consensusId) external onlyExecutor {
        (bytes32 nodeKey, Entry memory entry) = _known(network, consensusId);
        if (_isFrozen(_freezes[network][nodeKey])) _thaw(network, nodeKey, entry.memberId, consensusId);
        _freezes[network][nodeKey].number = 0;
        delete _entries[network][nodeKey];
        --count[network];
        emit NodeRoleChanged(network, nodeKey, entry.memberId, consensusId, uint8(Role.None));
    }

    /**
     * @notice Lets an account of `memberId` transact (1) or deploy (2) in `network`, or nothing any more (0).
     *
     * Requirements:
     *
     * - the permission is another than before.
     * - the account belongs to the same member, or to none yet.
     * - unless the permission is taken away: the member has an active seat.
     *
     * Emits an {AccountPermissionChanged} event.
     */
    function setAccount(
        bytes32 network,
        address account,
        bytes32 memberId,
        uint8 permission
    ) external onlyExecutor {
        _setAccount(network, account, memberId, permission);
    }

    /**
     * @notice Has a node left out of the permission lists before `until`, whatever its role, which stays. By the
     * guardian alone.
     *
     * Requirements:
     *
     * - the node is in the network; whether its member has a seat does not matter.
     * - `until` is in the future, and at most {MAX_FREEZE_SECONDS} away.
     * - the node is not frozen, and its last freeze ended at least {REST_SECONDS} ago.
     *
     * Emits a {NodeFrozen} event.
     *
     * @return number the freeze's number, by which the members ratify it
     */
    function freeze(
        bytes32 network,
        bytes calldata consensusId,
        uint48 until
    ) external returns (uint64 number) {
        if (msg.sender != guardian) revert BreakGlassOnly(msg.sender, guardian);
        (bytes32 nodeKey, Entry memory entry) = _known(network, consensusId);
        Freeze storage former = _freezes[network][nodeKey];
        _requireFreezable(nodeKey, former, until);
        number = ++freezeCount;
        _freezes[network][nodeKey] = Freeze(number, until, until + _ticks(REST_SECONDS), false);
        emit NodeFrozen(network, nodeKey, entry.memberId, consensusId, until, number);
    }

    /**
     * @notice The members make a freeze last until they thaw the node. They may do so after it has lapsed, too, as long
     * as the node rests: then it is frozen again from now on. Later the guardian may freeze it anew, and what was
     * decided on a freeze long over has no effect any more.
     *
     * @param number the freeze that was voted on; if the node was thawed or removed since, it can't be ratified any more
     *
     * Emits a {NodeFreezeRatified} event.
     */
    function ratifyFreeze(bytes32 network, bytes calldata consensusId, uint64 number) external onlyExecutor {
        (bytes32 nodeKey, Entry memory entry) = _known(network, consensusId);
        Freeze storage current = _freezes[network][nodeKey];
        if (current.number == 0 || current.number != number) revert UnknownFreeze(nodeKey, current.number, number);
        if (current.ratified) revert FreezeAlreadyRatified(nodeKey, number);
        if (seats.clock() > current.restsUntil) revert RatificationTooLate(nodeKey, current.restsUntil);
        current.ratified = true;
        current.until = UNTIL_THAWED;
        emit NodeFreezeRatified(network, nodeKey, entry.memberId, consensusId, number);
    }

    /**
     * @notice The members end a freeze, ratified or not.
     *
     * Emits a {NodeThawed} event.
     */
    function thaw(bytes32 network, bytes calldata consensusId) external onlyExecutor {
        (bytes32 nodeKey, Entry memory entry) = _known(network, consensusId);
        if (!_isFrozen(_freezes[network][nodeKey])) revert NodeNotFrozen(network, nodeKey);
        _thaw(network, nodeKey, entry.memberId, consensusId);
    }

    /// @notice A node's role (0 none, 1 observer, 2 sealer) and member in `network`; zeros where it is unknown.
    function roleOf(bytes32 network, bytes calldata consensusId) external view returns (uint8 role, bytes32 memberId) {
        Entry storage entry = _entries[network][keyOf(consensusId)];
        return (uint8(entry.role), entry.memberId);
    }

    /// @notice An account's permission (0 none, 1 may transact, 2 may deploy) and member in `network`.
    function permissionOf(bytes32 network, address account) external view returns (uint8 permission, bytes32 memberId) {
        Account storage entry = _accounts[network][account];
        return (uint8(entry.permission), entry.memberId);
    }

    /// @notice Whether a node is frozen now.
    function isFrozen(bytes32 network, bytes calldata consensusId) external view returns (bool) {
        return _isFrozen(_freezes[network][keyOf(consensusId)]);
    }

    /// @notice When a node's freeze ends or has ended: {UNTIL_THAWED} if it was ratified, zero if there is none.
    function frozenUntil(bytes32 network, bytes calldata consensusId) external view returns (uint48) {
        Freeze storage current = _freezes[network][keyOf(consensusId)];
        return current.number == 0 ? 0 : current.until;
    }

    /**
     * @notice The last freeze of a node.
     *
     * @return number zero if there is none, or the node was thawed or removed since
     * @return until the moment from which it is not frozen; {UNTIL_THAWED} if the members ratified the freeze
     * @return restsUntil the last moment at which the guardian can't freeze it again
     * @return ratified whether the members ratified it
     */
    function freezeOf(
        bytes32 network,
        bytes calldata consensusId
    ) external view returns (uint64 number, uint48 until, uint48 restsUntil, bool ratified) {
        Freeze storage current = _freezes[network][keyOf(consensusId)];
        return (current.number, current.until, current.restsUntil, current.ratified);
    }

    /// @notice The key of a node in events and errors.
    function keyOf(bytes calldata consensusId) public pure returns (bytes32) {
        if (consensusId.length != CONSENSUS_ID_LENGTH) {
            revert InvalidConsensusId(consensusId.length, CONSENSUS_ID_LENGTH);
        }
        return keccak256(consensusId);
    }

    function _setRole(bytes32 network, bytes calldata consensusId, bytes32 memberId, uint8 role) private {
        if (!Codes.isSlug(network)) revert InvalidNetwork(network);
        if (role < LOWEST_ROLE || role > HIGHEST_ROLE) revert InvalidRole(role, LOWEST_ROLE, HIGHEST_ROLE);
        _requireActive(memberId);
        bytes32 nodeKey = keyOf(consensusId);
        Entry storage entry = _entries[network][nodeKey];
        if (entry.role == Role.None) ++count[network];
        else _requireChange(nodeKey, entry, memberId, role);
        entry.memberId = memberId;
        entry.role = Role(role);
        emit NodeRoleChanged(network, nodeKey, memberId, consensusId, role);
    }

    function _setAccount(bytes32 network, address account, bytes32 memberId, uint8 permission) private {
        if (!Codes.isSlug(network)) revert InvalidNetwork(network);
        if (account == address(0)) revert InvalidAccount(account);
        if (permission > HIGHEST_PERMISSION) revert InvalidPermission(permission, HIGHEST_PERMISSION);
        Account memory former = _accounts[network][account];
        if (uint8(former.permission) == permission) revert PermissionUnchanged(account, permission);
        if (former.permission != Permission.None && former.memberId != memberId) {
            revert AccountOwnedByAnother(account, former.memberId, memberId);
        }
        if (permission == 0) {
            delete _accounts[network][account];
        } else {
            _requireActive(memberId);
            _accounts[network][account] = Account(memberId, Permission(permission));
        }
        emit AccountPermissionChanged(network, account, memberId, permission);
    }

    /// @dev Ends a freeze that is in force. Its number is gone, so that a vote on it that is still open can't revive it.
    function _thaw(bytes32 network, bytes32 nodeKey, bytes32 memberId, bytes calldata consensusId) private {
        uint48 today = seats.clock();
        uint64 number = _freezes[network][nodeKey].number;
        _freezes[network][nodeKey] = Freeze(0, today, today + _ticks(REST_SECONDS), false);
        emit NodeThawed(network, nodeKey, memberId, consensusId, number);
    }

    function _isFrozen(Freeze storage current) private view returns (bool) {
        return current.number != 0 && seats.clock() < current.until;
    }

    function _known(
        bytes32 network,
        bytes calldata consensusId
    ) private view returns (bytes32 nodeKey, Entry memory entry) {
        nodeKey = keyOf(consensusId);
        entry = _entries[network][nodeKey];
        if (entry.role == Role.None) revert UnknownNode(network, nodeKey);
    }

    function _requireFreezable(bytes32 nodeKey, Freeze storage former, uint48 until) private view {
        uint48 today = seats.clock();
        uint48 latest = today + _ticks(MAX_FREEZE_SECONDS);
        if (until <= today || until > latest) revert InvalidFreezeEnd(until, today + 1, latest);
        if (_isFrozen(former)) revert NodeAlreadyFrozen(nodeKey, former.until);
        if (today <= former.restsUntil) revert NodeAtRest(nodeKey, former.restsUntil);
    }

    /// @dev Seconds in the unit of the clock.
    function _ticks(uint48 seconds_) private view returns (uint48) {
        return seconds_ * uint48(seats.ticksPerSecond());
    }

    function _requireActive(bytes32 memberId) private view {
        (, , uint8 status) = seats.seatOf(memberId);
        if (status != uint8(Seats.Status.Active)) revert MemberNotActive(memberId, status);
    }

    function _requireChange(bytes32 nodeKey, Entry storage entry, bytes32 memberId, uint8 role) private view {
        if (entry.memberId != memberId) revert NodeOwnedByAnother(nodeKey, entry.memberId, memberId);
        if (uint8(entry.role) == role) revert RoleUnchanged(nodeKey, role);
    }
}
