// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Codes} from "./Codes.sol";
import {Seats} from "./Seats.sol";

/**
 * @title The members' nodes and their roles
 * @dev Which node takes part in which network, in which role, for which member. Only the governor, that is, only the
 * members by vote, change it; the permission lists of the nodes are computed from it. While the founding of {Seats} is
open, its founder enters the nodes that the networks start with; closing the founding ends that here too.
 *
 * A network is named by its slug in ASCII (small letters, digits, hyphens), padded with zeros on the right. A node is
 * named by its consensus id: the 64 bytes of its secp256k1 public key, without the leading 0x04. Its key here is the
 * keccak256 hash of that id, whose last 20 bytes are the node's address on Ethereum-compatible chains.
 */
contract NodeRegistry {
    enum Role {
        None,
        Observer,
        Sealer
    }

    struct Entry {
        bytes32 memberId;
        Role role;
    }

    uint8 public constant LOWEST_ROLE = uint8(Role.Observer);
    uint8 public constant HIGHEST_ROLE = uint8(Role.Sealer);

    /// @dev Length of a consensus id, in bytes.
    uint256 public constant CONSENSUS_ID_LENGTH = 64;

    /// @dev Where members are looked up.
    Seats public immutable seats;

    /// @dev Who alone changes roles.
    address public immutable governor;

    /// @dev Number of nodes in a network, whatever their role.
    mapping(bytes32 network => uint256) public count;

    mapping(bytes32 network => mapping(bytes32 nodeKey => Entry)) private _entries;

    /// @dev A node has this role (1 observer, 2 sealer) from now on; role 0: it has left the network.
    event NodeRoleChanged(
        bytes32 indexed network,
        bytes32 indexed nodeKey,
        bytes32 indexed memberId,
        bytes consensusId,
        uint8 role
    );

    /// @dev The caller is not the governor.
    error GovernorOnly(address actual, address expected);

    /// @dev The caller is not the founder of the seats, or the founding is over (`expected` zero).
    error FounderOnly(address actual, address expected);

    /// @dev The lists of a founding differ in length.
    error UnequalNodeLists(uint256 networks, uint256 consensusIds, uint256 memberIds, uint256 roles);

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

    modifier onlyGovernor() {
        if (msg.sender != governor) revert GovernorOnly(msg.sender, governor);
        _;
    }

    /// @param seats_ where members are looked up
    /// @param governor_ who alone changes roles
    constructor(Seats seats_, address governor_) {
        seats = seats_;
        governor = governor_;
    }

    /**
     * @dev Enters the nodes that the networks start with; may be called several times, so that many fit into blocks.
     * Each is held to the same conditions as in {setRole}.
     *
     * Emits a {NodeRoleChanged} event for each.
     */
    function found(
        bytes32[] calldata networks,
        bytes[] calldata consensusIds,
        bytes32[] calldata memberIds,
        uint8[] calldata roles
    ) external {
        address founder = seats.founder();
        if (msg.sender != founder) revert FounderOnly(msg.sender, founder);
        uint256 length = networks.length;
        if (length != consensusIds.length || length != memberIds.length || length != roles.length) {
            revert UnequalNodeLists(length, consensusIds.length, memberIds.length, roles.length);
        }
        for (uint256 i = 0; i < length; ++i) {
            _setRole(networks[i], consensusIds[i], memberIds[i], roles[i]);
        }
    }

    /**
     * @dev Admits a node of `memberId` to `network`, or gives it another role.
     *
     * Requirements:
     *
     * - the member has an active seat.
     * - the node is new to the network, or belongs to the same member and has another role.
     *
     * Emits a {NodeRoleChanged} event.
     */
    function setRole(
        bytes32 network,
        bytes calldata consensusId,
        bytes32 memberId,
        uint8 role
    ) external onlyGovernor {
        _setRole(network, consensusId, memberId, role);
    }

    /**
     * @dev Takes a node out of `network`, whether or not its member still has a seat.
     *
     * Emits a {NodeRoleChanged} event with role 0.
     */
    function remove(bytes32 network, bytes calldata consensusId) external onlyGovernor {
        bytes32 nodeKey = keyOf(consensusId);
        Entry memory entry = _entries[network][nodeKey];
        if (entry.role == Role.None) revert UnknownNode(network, nodeKey);
        delete _entries[network][nodeKey];
        --count[network];
        emit NodeRoleChanged(network, nodeKey, entry.memberId, consensusId, uint8(Role.None));
    }

    /// @dev A node's role (0 none, 1 observer, 2 sealer) and member in `network`; zeros where it is unknown.
    function roleOf(bytes32 network, bytes calldata consensusId) external view returns (uint8 role, bytes32 memberId) {
        Entry storage entry = _entries[network][keyOf(consensusId)];
        return (uint8(entry.role), entry.memberId);
    }

    /// @dev The key of a node in events and errors.
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

    function _requireActive(bytes32 memberId) private view {
        (, , uint8 status) = seats.seatOf(memberId);
        if (status != uint8(Seats.Status.Active)) revert MemberNotActive(memberId, status);
    }

    function _requireChange(bytes32 nodeKey, Entry storage entry, bytes32 memberId, uint8 role) private view {
        if (entry.memberId != memberId) revert NodeOwnedByAnother(nodeKey, entry.memberId, memberId);
        if (uint8(entry.role) == role) revert RoleUnchanged(nodeKey, role);
    }
}
