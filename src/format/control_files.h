// The control socket's messages about a store's files: re-encryption, coverage, shredding. Bodies
// only (docs/formats/control-socket.md); the envelopes are control.h's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace keyhold::format {

class ByteReader;

inline constexpr std::size_t kMaxFilesOpen = 2000;
inline constexpr std::size_t kMaxFilesProblemBytes = 512;

// Every file is to stand under the current generation, or under a new one that is made first.
struct ReencryptRequest {
  bool rotate_first = false;
  std::uint64_t bytes_per_second = 0;  // 0: no limit
};
struct ReencryptReply {
  Generation target{};
};

struct CoverageRequest {};
struct CoverageReply {
  std::string json;
};

// The generations before the current one leave the key ring.
struct ShredRequest {};
struct ShredReply {
  std::uint32_t generations = 0;  // that are gone
  Generation oldest_kept{};
  std::uint32_t kek_version = 0;
};

// A process that works on the files says what it has open, and hears what is wanted.
struct FilesRequest {
  struct Open {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    Generation oldest{};
    std::uint64_t bytes = 0;
    bool written = false;
    friend bool operator==(const Open&, const Open&) = default;
  };
  std::uint64_t process = 0;  // random
  std::uint32_t pid = 0;
  Generation current{};
  Generation clean{};
  std::vector<Open> open;  // at most kMaxFilesOpen
  std::string problem;     // at most kMaxFilesProblemBytes
  friend bool operator==(const FilesRequest&, const FilesRequest&) = default;
};
struct FilesReply {
  Generation target{};  // 0: nothing is wanted
  std::uint64_t bytes_per_second = 0;
};

ByteVector body_of(const ReencryptRequest& request);
ByteVector body_of(const ReencryptReply& reply);
ByteVector body_of(const ShredReply& reply);
// REQUIRES: within its bounds.
ByteVector body_of(const FilesRequest& request);
ByteVector body_of(const FilesReply& reply);

// What is missing or left over stays to be seen at the reader.
void read_body(ByteReader& reader, ReencryptRequest& request);
void read_body(ByteReader& reader, ReencryptReply& reply);
void read_body(ByteReader& reader, ShredReply& reply);
void read_body(ByteReader& reader, FilesRequest& request);
void read_body(ByteReader& reader, FilesReply& reply);

}  // namespace keyhold::format
