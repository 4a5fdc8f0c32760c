// The messages of the control socket, version 1 (docs/formats/control-socket.md): pure parse and
// serialize. A connection carries one request and one reply, each an envelope and a body:
//
//   offset size
//   0      4    magic "KHCS"
//   4      1    version, 1
//   5      1    type
//   6      2    zero
//   8      4    length of the body in bytes
//   12     …    body
//
// The 32 bytes of a DEK end a dek reply and never pass through this code: they go between secret
// memory and the socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "format/control_files.h"
#include "format/policy.h"

namespace keyhold::format {

inline constexpr std::uint8_t kControlVersion = 1;
inline constexpr std::size_t kControlEnvelopeSizeBytes = 12;
inline constexpr std::size_t kMaxControlRequestSizeBytes = 64 << 10;  // of the body
inline constexpr std::size_t kMaxControlReplySizeBytes = 1 << 20;     // of the body
inline constexpr std::size_t kControlDekSizeBytes = 32;
inline constexpr std::size_t kMaxControlTextSizeBytes = 2048;  // of each text of a key spec
inline constexpr std::size_t kMaxControlErrorSizeBytes = 4096;

// On the wire: the numbers never change. A reply has its request's type with bit 7 set.
enum class ControlType : std::uint8_t {
  hello = 1,
  get_dek = 2,
  status = 3,
  rotate = 4,
  rewrap = 5,
  report_sealed_bytes = 6,
  watch = 7,
  seal = 8,
  unseal = 9,
  policy = 10,
  reencrypt = 11,
  coverage = 12,
  shred = 13,
  files = 14,
  hello_reply = 0x81,
  dek_reply = 0x82,
  status_reply = 0x83,
  rotate_reply = 0x84,
  rewrap_reply = 0x85,
  report_reply = 0x86,
  seal_reply = 0x88,
  unseal_reply = 0x89,
  policy_reply = 0x8a,
  reencrypt_reply = 0x8b,
  coverage_reply = 0x8c,
  shred_reply = 0x8d,
  files_reply = 0x8e,
  error_reply = 0xff,
};

struct ControlEnvelope {
  std::uint8_t version = kControlVersion;
  std::uint8_t type = 0;  // perhaps none that this version knows
  std::uint32_t body_size_bytes = 0;
};

// REQUIRES: bytes.size() == 12. Code::integrity where magic or reserved bytes are wrong. Version,
// type and length are the caller's to judge.
Result<ControlEnvelope> parse_control_envelope(ByteView bytes);

// Whose store, and which generation new files use. Valid for a while, so that a client need not ask
// for every file.
struct HelloRequest {};
struct HelloReply {
  StoreId store;
  Generation current{};
  KeyId key_id;  // of its DEK: a key ring that was put back gives the number to another key
  std::uint32_t valid_ms = 0;  // of `current`
  std::uint32_t lease_ms = 0;  // of the right to use keys, from when the request was sent
  std::uint64_t epoch = 0;     // of the host's seal guard
};

struct DekRequest {
  Generation generation{};  // 0: the current one
};
// Followed by the DEK.
struct DekReply {
  Generation generation{};
  KeyId key_id;
};

struct StatusRequest {};
struct StatusReply {
  std::string json;
};

enum class RotateTarget : std::uint8_t { dek = 1, kek = 2 };
struct RotateRequest {
  RotateTarget target{};
};
struct RotateReply {
  Generation generation{};  // the new one; 0 where the KEK was rotated
};

// An empty key stands for the CMEKs that have a lockbox already.
struct ControlKeySpec {
  std::uint8_t type = 0;  // kms::KeyType
  std::string uri, auth_principal, endpoint, ca_file;
  friend bool operator==(const ControlKeySpec&, const ControlKeySpec&) = default;
};
struct RewrapRequest {
  bool to_other = false;
  ControlKeySpec key;  // where to_other
};
struct RewrapReply {};

struct ReportRequest {
  Generation generation{};
  std::uint64_t sealed_bytes = 0;
};
struct ReportReply {};

// Answered with an error once the host seals; until then it stands open, so that the client learns
// of a seal, or of the host's end, at once.
struct WatchRequest {};

// Writes the tombstone of a local order, and seals; answered when no key is left in the host.
struct SealRequest {};
struct SealReply {};
// Clears the tombstone of a local order; the lease comes back when the KMS agrees.
struct UnsealRequest {};
struct UnsealReply {};

// Makes `text` the store's policy, where version `expected` is the one in force.
struct PolicyRequest {
  std::uint64_t expected = 0;
  std::string text;  // of policy.toml
};
struct PolicyReply {
  std::uint64_t version = 0;  // of the new one
};

struct ErrorReply {
  Code code{};
  std::string message;
};

using ControlRequest =
    std::variant<HelloRequest, DekRequest, StatusRequest, RotateRequest, RewrapRequest,
                 ReportRequest, WatchRequest, SealRequest, UnsealRequest, PolicyRequest,
                 ReencryptRequest, CoverageRequest, ShredRequest, FilesRequest>;
using ControlReply = std::variant<HelloReply, DekReply, StatusReply, RotateReply, RewrapReply,
                                  ReportReply, SealReply, UnsealReply, PolicyReply, ReencryptReply,
                                  CoverageReply, ShredReply, FilesReply, ErrorReply>;

// Envelope and body. REQUIRES: texts within their bounds, but for an error's message and a status,
// which are cut.
ByteVector serialize_control(const ControlRequest& request);
// A dek reply's envelope counts the 32 bytes that the caller sends behind what is returned.
ByteVector serialize_control(const ControlReply& reply);

// Code::unsupported for another version or an unknown type, Code::integrity for any other damage.
Result<ControlRequest> parse_control_request(const ControlEnvelope& envelope, ByteView body);
// A dek reply's body comes without its last 32 bytes.
Result<ControlReply> parse_control_reply(const ControlEnvelope& envelope, ByteView body);

// Whether the texts of a key spec fit into a request: Code::invalid_argument.
Status check_control_key(const ControlKeySpec& key);

}  // namespace keyhold::format
