// Strong types for what is a string or a number elsewhere, so that two of them cannot be mixed up.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace keyhold {

// A name in UTF-8, compared byte for byte.
template <typename Tag>
class Name {
 public:
  Name() = default;
  explicit Name(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string text_;
};

using OrgId = Name<struct OrgIdTag>;
using ClusterId = Name<struct ClusterIdTag>;
using RegionName = Name<struct RegionNameTag>;
using NodeId = Name<struct NodeIdTag>;
using KeyUri = Name<struct KeyUriTag>;          // the CMEK in its provider's own notation
using KeyVersion = Name<struct KeyVersionTag>;  // the KMS's version of the CMEK, opaque
using AuthPrincipal = Name<struct AuthPrincipalTag>;

// 16 random bytes.
template <typename Tag>
class Id128 {
 public:
  static constexpr std::size_t kSizeBytes = 16;

  Id128() = default;
  // REQUIRES: bytes.size() == 16.
  explicit Id128(ByteView bytes) { std::copy_n(bytes.begin(), kSizeBytes, bytes_.begin()); }

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] std::string hex() const { return to_hex(bytes_); }
  friend auto operator<=>(const Id128&, const Id128&) = default;

 private:
  std::array<std::uint8_t, kSizeBytes> bytes_{};
};

using StoreId = Id128<struct StoreIdTag>;
using FileId = Id128<struct FileIdTag>;
using KeyId = Id128<struct KeyIdTag>;  // of a KEK or DEK; the same over its versions' wraps

// The number of a DEK (1, 2, …) within a store. 0 stands for none.
enum class Generation : std::uint32_t {};

constexpr std::uint32_t number(Generation generation) {
  return static_cast<std::uint32_t>(generation);
}

}  // namespace keyhold
