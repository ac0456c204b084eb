// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

// Stand-ins for what a FISCO BCOS 3.x node answers itself at fixed addresses, with its published codes.
// For tests; placed beside the committee's contracts, whether those are ours or the chain's own.

address constant COMMITTEE_MANAGER = address(0x10001);

/// @title 0x1000: configuration values
contract SystemConfig {
    int256 private constant INVALID = -51300;

    mapping(string => string) private values;
    mapping(string => int256) private since;

    function setValueByKey(string memory key, string memory value) external returns (int256) {
        require(msg.sender == COMMITTEE_MANAGER, "permission denied");
        if (bytes(value).length == 0) return INVALID;
        (values[key], since[key]) = (value, int256(block.number + 1));
        return 0;
    }

    function getValueByKey(string memory key) external view returns (string memory, int256) {
        return (values[key], since[key]);
    }
}

/// @title 0x1003: who seals and who observes
contract Consensus {
    int256 private constant BAD_ID = -51100;
    int256 private constant LAST_SEALER = -51101;
    int256 private constant BAD_WEIGHT = -51102;
    int256 private constant NO_SUCH_NODE = -51103;
    int256 private constant NOT_AN_OBSERVER = -51104;

    struct Node {
        string id;
        uint256 weight; // 0: observes
        bool here;
    }

    string[] private known;
    mapping(string => Node) private nodes;
    uint256 private sealers;

    modifier committee() {
        require(msg.sender == COMMITTEE_MANAGER, "permission denied");
        _;
    }

    /// @notice The genesis: called by the tests' loader once, before anybody votes.
    function begin(string[] memory ids) external {
        require(known.length == 0, "begun before");
        for (uint256 i = 0; i < ids.length; i++) {
            put(ids[i], 1);
        }
        sealers = ids.length;
    }

    function addSealer(string memory id, uint256 weight) external committee returns (int256) {
        if (bytes(id).length != 128) return BAD_ID;
        if (weight == 0) return BAD_WEIGHT;
        if (!nodes[id].here) return NOT_AN_OBSERVER;
        if (nodes[id].weight == 0) sealers++;
        nodes[id].weight = weight;
        return 0;
    }

    function addObserver(string memory id) external committee returns (int256) {
        if (bytes(id).length != 128) return BAD_ID;
        if (isLastSealer(id)) return LAST_SEALER;
        if (nodes[id].weight != 0) sealers--;
        put(id, 0);
        return 0;
    }

    function setWeight(string memory id, uint256 weight) external committee returns (int256) {
        if (bytes(id).length != 128) return BAD_ID;
        if (weight == 0) return BAD_WEIGHT;
        if (nodes[id].weight == 0) return NO_SUCH_NODE;
        nodes[id].weight = weight;
        return 0;
    }

    function remove(string memory id) external committee returns (int256) {
        if (bytes(id).length != 128) return BAD_ID;
        if (!nodes[id].here) return NO_SUCH_NODE;
        if (isLastSealer(id)) return LAST_SEALER;
        if (nodes[id].weight != 0) sealers--;
        delete nodes[id];
        return 0;
    }

    /// @notice What the node's own interface answers, for the tests' front to pass on; no precompile has it.
    function list() external view returns (string[] memory ids, uint256[] memory weights, bool[] memory here) {
        (ids, weights, here) = (known, new uint256[](known.length), new bool[](known.length));
        for (uint256 i = 0; i < known.length; i++) {
            (weights[i], here[i]) = (nodes[known[i]].weight, nodes[known[i]].here);
        }
    }

    function put(string memory id, uint256 weight) private {
        if (bytes(nodes[id].id).length == 0 && !listed(id)) known.push(id);
        nodes[id] = Node(id, weight, true);
    }

    function listed(string memory id) private view returns (bool) {
        for (uint256 i = 0; i < known.length; i++) {
            if (keccak256(bytes(known[i])) == keccak256(bytes(id))) return true;
        }
        return false;
    }

    function isLastSealer(string memory id) private view returns (bool) {
        return nodes[id].weight != 0 && sealers == 1;
    }
}

/// @title 0x1005: who may deploy, and who administers a contract
contract ContractAuth {
    int256 private constant NO_TYPE = -51002;
    int256 private constant BAD_TYPE = -51003;

    uint256 public deployType; // 0 none, 1 white list, 2 black list
    mapping(uint256 => mapping(address => bool)) private named;
    mapping(address => address) private adminOf;

    modifier committee() {
        require(msg.sender == COMMITTEE_MANAGER, "permission denied");
        _;
    }

    function setDeployAuthType(uint8 wanted) external committee returns (int256) {
        if (wanted != 1 && wanted != 2) return BAD_TYPE;
        deployType = wanted;
        return 0;
    }

    function openDeployAuth(address account) external committee returns (int256) {
        return write(account, deployType == 1);
    }

    function closeDeployAuth(address account) external committee returns (int256) {
        return write(account, deployType == 2);
    }

    function hasDeployAuth(address account) external view returns (bool) {
        if (deployType == 0) return true;
        return named[deployType][account] == (deployType == 1);
    }

    function resetAdmin(address target, address admin) external committee returns (int256) {
        adminOf[target] = admin;
        return 0;
    }

    function getAdmin(address target) external view returns (address) {
        return adminOf[target];
    }

    function write(address account, bool listed) private returns (int256) {
        if (deployType == 0) return NO_TYPE;
        named[deployType][account] = listed;
        return 0;
    }
}

interface Governors {
    function isGovernor(address account) external view returns (bool);
}

/// @title 0x10003: accounts that any single governor freezes, without a vote
contract AccountManager {
    mapping(address => uint8) private statusOf;

    function setAccountStatus(address account, uint8 status) external returns (int256) {
        require(Governors(COMMITTEE_MANAGER).isGovernor(msg.sender), "permission denied");
        require(!Governors(COMMITTEE_MANAGER).isGovernor(account), "not against governors");
        require(statusOf[account] != 2 || status == 2, "abolished for good");
        statusOf[account] = status;
        return 0;
    }

    function getAccountStatus(address account) external view returns (uint8) {
        return statusOf[account];
    }
}
