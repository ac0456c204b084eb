// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Codes} from "./Codes.sol";

/**
 * @title The anchors of the permission lists' logs
 * @notice Each network's published permission lists are entries of a hash chain. Its length and head are written here
 * from time to time, so that two nodes of a network can tell from the ledger alone whether they were given the same
 * lists, and nobody can show one of them another past.
 *
 * @dev What was anchored is never changed: sizes only rise, so each size has one head at the most. The contract does not
 * know the lists. It can't tell whether a head is a true one, only that everybody sees the same.
 */
contract EpochAnchors {
    /// @notice Who changes the publisher: the timelock, that is, the members by vote.
    address public immutable executor;

    /// @notice Who anchors.
    address public publisher;

    mapping(bytes32 network => uint64 size) private _sizes;
    mapping(bytes32 network => mapping(uint64 size => bytes32 head)) private _heads;

    /// @notice A network's log had `size` entries, and this head.
    event Anchored(bytes32 indexed network, uint64 size, bytes32 head);

    /// @notice Somebody else anchors from now on; zero for nobody.
    event PublisherChanged(address indexed former, address indexed publisher);

    /// @dev The caller is not the publisher.
    error PublisherOnly(address actual, address expected);

    /// @dev The caller is not the executor.
    error ExecutorOnly(address actual, address expected);

    /// @dev Not small letters, digits and hyphens padded with zeros.
    error InvalidNetwork(bytes32 actual);

    /// @dev The log was anchored with `latest` entries before, and can only grow.
    error SizeNotRising(bytes32 network, uint64 actual, uint64 latest);

    /// @dev Zero stands for no head.
    error NoHead(bytes32 network, uint64 size);

    /// @param executor_ who alone changes the publisher: the governor's timelock
    /// @param publisher_ who anchors at first
    constructor(address executor_, address publisher_) {
        executor = executor_;
        publisher = publisher_;
        emit PublisherChanged(address(0), publisher_);
    }

    /**
     * @notice Writes down that the log of `network` has `size` entries and this head. By the publisher alone.
     *
     * Requirements:
     *
     * - `size` is above what was anchored before.
     * - `head` is not zero.
     *
     * Emits an {Anchored} event.
     */
    function anchor(bytes32 network, uint64 size, bytes32 head) external {
        if (msg.sender != publisher) revert PublisherOnly(msg.sender, publisher);
        if (!Codes.isSlug(network)) revert InvalidNetwork(network);
        uint64 former = _sizes[network];
        if (size <= former) revert SizeNotRising(network, size, former);
        if (head == 0) revert NoHead(network, size);
        _sizes[network] = size;
        _heads[network][size] = head;
        emit Anchored(network, size, head);
    }

    /**
     * @notice Lets somebody else anchor from now on, or nobody (zero). Only by proposal.
     *
     * Emits a {PublisherChanged} event.
     */
    function setPublisher(address newPublisher) external {
        if (msg.sender != executor) revert ExecutorOnly(msg.sender, executor);
        emit PublisherChanged(publisher, newPublisher);
        publisher = newPublisher;
    }

    /// @notice The head that was anchored for `size` entries; zero where none was.
    function headAt(bytes32 network, uint64 size) external view returns (bytes32) {
        return _heads[network][size];
    }

    /// @notice The newest anchor of a network; zeros where there is none.
    function latest(bytes32 network) external view returns (uint64 size, bytes32 head) {
        size = _sizes[network];
        head = _heads[network][size];
    }
}
