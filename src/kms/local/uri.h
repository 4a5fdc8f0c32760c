// The URI of a key in a LOCAL KMS: local:///abs/dir/NAME.
//
// What follows "local://" is taken byte for byte: the KMS's directory (absolute, UTF-8, without "."
// or "..", without empty parts and control characters), a slash, the key's name. There is no
// percent encoding.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"

namespace keyhold::kms::local {

struct KeyLocation {
  std::string directory;
  std::string name;

  friend bool operator==(const KeyLocation&, const KeyLocation&) = default;
};

// Code::invalid_argument; the message says how a valid URI looks.
keyhold::Result<KeyLocation> parse_uri(std::string_view uri);
KeyUri to_uri(const KeyLocation& location);

// [A-Za-z0-9._-]{1,64}, not starting with a dot.
Status check_key_name(std::string_view name);
Status check_directory(std::string_view path);

}  // namespace keyhold::kms::local
