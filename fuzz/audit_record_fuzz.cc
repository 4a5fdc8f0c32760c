// A line of the audit log: what is parsed is written back as it was; any texts are made to fit.
#include <algorithm>

#include "format/audit_record.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

void parse(std::string_view line) {
  const auto record = format::parse_audit_record(line);
  if (!record) return;
  require(format::serialize_audit_record(*record) == line, "a record comes back");
  format::AuditRecord fitted = *record;
  format::fit_audit_record(fitted);
  require(fitted == *record, "what was parsed fits");
}

void fit(std::string_view text) {
  format::AuditRecord record;
  record.seq = 1;
  record.event = text.substr(0, 4);
  record.outcome = text.substr(0, 40);
  record.cause = record.message = record.key_uri = text;
  format::fit_audit_record(record);
  const auto read = format::parse_audit_record(format::serialize_audit_record(record));
  require(read.has_value() && *read == record, "a fitted record comes back");
}

}  // namespace

void run(ByteView input) {
  parse(as_text(input));
  fit(as_text(input));
  static_cast<void>(format::parse_audit_segment_name(as_text(input)));
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  format::AuditRecord record;
  const auto add = [&] {
    const std::string line = format::serialize_audit_record(record);
    seeds.emplace_back(line.begin(), line.end());
  };
  record.seq = 1;
  record.event = "start";
  add();
  record.event = "probe";
  record.outcome = "disabled";
  record.key_uri = "local:///srv/customer-kms/orders";
  record.key_version = "2";
  record.request_id = "404142434445464748494a4b4c4d4e4f";
  record.key_id = "11111111111111111111111111111111";
  record.message = "the key \"orders\" is disabled";
  record.purpose = "serve";
  add();
  record.event = "checkpoint";
  record.kek_version = 3;
  record.dek_generation = 9;
  record.count = 12;
  record.mac = crypto::Mac{1, 2, 3};
  add();
  const std::string_view odd = "\xff\xc3 \x01 \xed\xa0\x80 \xf0\x9f\x94\x91";
  seeds.emplace_back(odd.begin(), odd.end());
  return seeds;
}

}  // namespace keyhold::fuzz
