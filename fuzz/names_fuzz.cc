// Texts from outside: key URIs, key types, timestamps, and strings on their way into canonical
// JSON.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/timestamp.h"
#include "kms/key_spec.h"
#include "kms/local/uri.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

void write_json(const std::string& text) {
  if (!is_utf8(text)) return;
  const std::string written = canonical_json({{"context", text}, {"a", "1"}});
  const auto read = nlohmann::json::parse(written, nullptr, false);
  require(!read.is_discarded(), "canonical JSON is JSON");
  require(read["context"] == text, "a string comes back");
}

}  // namespace

void run(ByteView input) {
  const std::string text(as_text(input));
  if (const auto location = kms::local::parse_uri(text)) {
    require(kms::local::to_uri(*location).str() == text, "a URI comes back");
    require(kms::local::check_directory(location->directory).has_value(), "its directory is one");
    require(kms::local::check_key_name(location->name).has_value(), "its name is one");
  }
  if (const auto type = kms::parse_key_type(text)) {
    require(kms::key_type_name(*type) == text, "a key type comes back");
  }
  if (const auto time = parse_timestamp(text)) {
    require(format_timestamp(*time) == text, "a timestamp comes back");
  }
  write_json(text);
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const std::string_view text :
       {"local:///srv/customer-kms/orders", "local:///k/a.b_c-9", "LOCAL", "AWS_KMS",
        "2026-03-01T09:30:00.250Z", "1970-01-01T00:00:00.000Z", "quote\" backslash\\ \n tab\t",
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91", "\xed\xa0\x80", ""}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
