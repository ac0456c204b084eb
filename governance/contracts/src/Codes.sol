// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

/**
 * @dev The two kinds of short text that the alliance writes into a `bytes32`: ASCII, left-aligned, padded with zeros.
 *
 * They are checked on chain because a wrongly encoded identifier would otherwise live on as a member or a network
 * that nobody can find again.
 */
library Codes {
    /// @dev Length of a Unified Social Credit Code (GB 32100-2015), in characters.
    uint256 internal constant MEMBER_ID_LENGTH = 18;

    /// @dev True for exactly 18 digits and capital letters. The check digit is the console's business.
    function isMemberId(bytes32 code) internal pure returns (bool) {
        for (uint256 i = 0; i < 32; ++i) {
            bytes1 character = code[i];
            bool fits = i < MEMBER_ID_LENGTH ? _isDigit(character) || _isCapital(character) : character == 0;
            if (!fits) return false;
        }
        return true;
    }

    /// @dev True for 1 to 32 small letters, digits and hyphens, with nothing but zeros behind them.
    function isSlug(bytes32 code) internal pure returns (bool) {
        if (code[0] == 0) return false;
        bool ended = false;
        for (uint256 i = 0; i < 32; ++i) {
            bytes1 character = code[i];
            if (character == 0) {
                ended = true;
            } else if (ended || !(_isDigit(character) || _isSmall(character) || character == "-")) {
                return false;
            }
        }
        return true;
    }

    /// @dev A code as text, without the zeros behind it.
    function text(bytes32 code) internal pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && code[length] != 0) ++length;
        bytes memory characters = new bytes(length);
        for (uint256 i = 0; i < length; ++i) characters[i] = code[i];
        return string(characters);
    }

    function _isDigit(bytes1 character) private pure returns (bool) {
        return character >= "0" && character <= "9";
    }

    function _isCapital(bytes1 character) private pure returns (bool) {
        return character >= "A" && character <= "Z";
    }

    function _isSmall(bytes1 character) private pure returns (bool) {
        return character >= "a" && character <= "z";
    }
}
