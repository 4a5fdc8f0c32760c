// Every label that separates one use of a key from another, in one place. A label begins the `info`
// of hkdf_sha256(); what follows it in `info` is the use's own context. No label is a prefix of
// another, so no two uses can meet in one `info` (labels_test.cc pins it). Released labels never
// change.
#pragma once

#include <array>
#include <string_view>

namespace keyhold::crypto::labels {

// From a DEK.
inline constexpr std::string_view kFileKey = "keyhold/1 file key";
inline constexpr std::string_view kConfigMac = "keyhold/1 config mac";

// From a file key.
inline constexpr std::string_view kHeaderMac = "keyhold/1 header mac";
inline constexpr std::string_view kTableChunks = "keyhold/1 table chunks";
inline constexpr std::string_view kTableTail = "keyhold/1 table tail";
inline constexpr std::string_view kLogSession = "keyhold/1 log session";
inline constexpr std::string_view kLogMarker = "keyhold/1 log marker";

// From a KEK.
inline constexpr std::string_view kKeyringMac = "keyhold/1 keyring mac";
inline constexpr std::string_view kAnchorMac = "keyhold/1 anchor mac";
inline constexpr std::string_view kAuditMac = "keyhold/1 audit mac";
// In the context (AAD) of a DEK's wrap.
inline constexpr std::string_view kDekWrap = "keyhold/1 dek wrap";

// From any key that wraps another (wrap.h).
inline constexpr std::string_view kWrap = "keyhold/1 wrap";

// From any key (check_value).
inline constexpr std::string_view kCheckValue = "keyhold/1 check value";

// Of a devcloud: from a key of one of its KMSs or from its master key, for one message; from its
// master key, for one purpose.
inline constexpr std::string_view kDevcloudSeal = "keyhold/1 devcloud seal";
inline constexpr std::string_view kDevcloudPurpose = "keyhold/1 devcloud purpose ";

inline constexpr std::array kAll = {
    kFileKey,    kHeaderMac,  kTableChunks, kTableTail,    kLogSession,
    kLogMarker,  kKeyringMac, kAnchorMac,   kDekWrap,      kWrap,
    kCheckValue, kConfigMac,  kAuditMac,    kDevcloudSeal, kDevcloudPurpose,
};

}  // namespace keyhold::crypto::labels
