#include "format/keyring.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "crypto/labels.h"
#include "format/keyring_values.h"

namespace keyhold::format {
namespace {

using Type = KeyringRecordType;

constexpr std::string_view kMagic = "KHKEYRNG";
constexpr std::size_t kChecksumSizeBytes = 32;

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(Code::integrity, "not a whole key ring: " + what);
}

tl::unexpected<Error> newer(const std::string& what) {
  return fail(Code::unsupported,
              what + ": this key ring was made by a newer Keyhold; upgrade this one");
}

// Everything that needs no knowledge of the version.
Status check_envelope(ByteView file) {
  if (file.size() < kKeyringPrefixSizeBytes + kKeyringTrailerSizeBytes) {
    return damaged("it is too short");
  }
  if (file.size() > kMaxKeyringSizeBytes) return damaged("it is too long");
  if (as_text(file.first(kMagic.size())) != kMagic) return damaged("the magic is not there");
  if (load_le<std::uint32_t>(file.subspan(12)) != file.size()) {
    return damaged("its length is not the one that it names");
  }
  const auto digest = crypto::sha256(file.first(file.size() - kChecksumSizeBytes));
  if (!std::ranges::equal(digest, file.last(kChecksumSizeBytes))) {
    return damaged("the checksum does not match");
  }
  const auto version = load_le<std::uint32_t>(file.subspan(8));
  if (version == 0) return damaged("format version 0");
  if (version > kKeyringVersion) return newer("format version " + std::to_string(version));
  return {};
}

// Collects records; each type's own rules are here and in the values, those between records in
// check_keyring().
class RecordCollector {
 public:
  Status add(std::uint16_t type, std::uint16_t flags, ByteView value);
  Result<KeyringRecord> finish();

 private:
  bool take(Type type, ByteReader& in);

  KeyringRecord record_;
  std::set<std::uint16_t> seen_;
  std::uint16_t last_type_ = 0;
};

bool is_known(std::uint16_t type) {
  switch (static_cast<Type>(type)) {
    case Type::identity:
    case Type::sequence:
    case Type::store_epoch:
    case Type::created:
    case Type::rotation_policy:
    case Type::next_rotation:
    case Type::policy:
    case Type::kek:
    case Type::lockbox:
    case Type::dek:
    case Type::rollback_accepted:
      return true;
  }
  return false;
}

bool may_repeat(Type type) {
  return type == Type::lockbox || type == Type::dek || type == Type::rollback_accepted;
}

Status RecordCollector::add(std::uint16_t type, std::uint16_t flags, ByteView value) {
  const std::string name = "record type " + std::to_string(type);
  if (type == 0 || type < last_type_) return damaged(name + " is out of order");
  last_type_ = type;
  if ((flags & ~kMustUnderstand) != 0) return newer(name + " has unknown flags");
  if (!is_known(type)) {
    if ((flags & kMustUnderstand) != 0) return newer(name + " is unknown");
    record_.unknown.push_back({type, ByteVector(value.begin(), value.end())});
    return {};
  }
  if (flags != kMustUnderstand) return damaged(name + " has wrong flags");
  if (!seen_.insert(type).second && !may_repeat(static_cast<Type>(type))) {
    return damaged(name + " is there twice");
  }
  ByteReader in(value);
  if (!take(static_cast<Type>(type), in) || !in.done()) return damaged(name + " is malformed");
  return {};
}

// False where there are too many; the reader says the rest.
bool RecordCollector::take(Type type, ByteReader& in) {
  switch (type) {
    case Type::identity:
      record_.identity = read_identity(in);
      return true;
    case Type::sequence:
      record_.sequence = in.u64();
      return true;
    case Type::store_epoch:
      record_.store_epoch = in.u64();
      return true;
    case Type::created:
      record_.created = in.u64();
      return true;
    case Type::rotation_policy:
      record_.rotation.age_seconds = in.u64();
      record_.rotation.bytes = in.u64();
      return true;
    case Type::next_rotation:
      record_.rotation.next_due = in.u64();
      return true;
    case Type::policy:
      record_.policy = read_policy(in);
      return true;
    case Type::kek:
      record_.kek = read_kek(in);
      return true;
    case Type::lockbox:
      record_.lockboxes.push_back(read_lockbox(in));
      return record_.lockboxes.size() <= kMaxLockboxes;
    case Type::dek:
      record_.deks.push_back(read_dek(in));
      return record_.deks.size() <= kMaxGenerations;
    case Type::rollback_accepted:
      record_.rollbacks.push_back(read_rollback(in));
      return record_.rollbacks.size() <= kMaxRollbackEvents;
  }
  return false;
}

Result<KeyringRecord> RecordCollector::finish() {
  for (const Type type : {Type::identity, Type::sequence, Type::store_epoch, Type::created,
                          Type::rotation_policy, Type::next_rotation, Type::kek}) {
    if (!seen_.contains(static_cast<std::uint16_t>(type))) {
      return damaged("record type " + std::to_string(static_cast<int>(type)) + " is missing");
    }
  }
  if (const auto checked = check_keyring(record_); !checked) {
    return damaged(checked.error().message());
  }
  return std::move(record_);
}

Result<KeyringRecord> parse_records(ByteView records) {
  RecordCollector collector;
  ByteReader in(records);
  while (in.remaining() > 0) {
    const std::uint16_t type = in.u16();
    const std::uint16_t flags = in.u16();
    const std::uint32_t length = in.u32();
    const ByteView value = in.bytes(length);
    if (!in.ok()) return damaged("a record goes beyond the end");
    KEYHOLD_TRY(collector.add(type, flags, value));
  }
  return collector.finish();
}

template <typename Write>
void put_record(ByteWriter& out, Type type, Write write) {
  ByteWriter value;
  write(value);
  out.u16(static_cast<std::uint16_t>(type));
  out.u16(kMustUnderstand);
  out.u32(static_cast<std::uint32_t>(value.size()));
  out.bytes(value.view());
}

// The records, in the order of their types; the unknown ones are merged in by serialize.
void put_known(ByteWriter& out, const KeyringRecord& record, Type type) {
  const auto put = [&](auto write) { put_record(out, type, write); };
  switch (type) {
    case Type::identity:
      return put([&](ByteWriter& to) { write_identity(to, record.identity); });
    case Type::sequence:
      return put([&](ByteWriter& to) { to.u64(record.sequence); });
    case Type::store_epoch:
      return put([&](ByteWriter& to) { to.u64(record.store_epoch); });
    case Type::created:
      return put([&](ByteWriter& to) { to.u64(record.created); });
    case Type::rotation_policy:
      return put([&](ByteWriter& to) {
        to.u64(record.rotation.age_seconds);
        to.u64(record.rotation.bytes);
      });
    case Type::next_rotation:
      return put([&](ByteWriter& to) { to.u64(record.rotation.next_due); });
    case Type::policy:
      if (record.policy) put([&](ByteWriter& to) { write_policy(to, *record.policy); });
      return;
    case Type::kek:
      return put([&](ByteWriter& to) { write_kek(to, record.kek); });
    case Type::lockbox:
      for (const auto& box : record.lockboxes) put([&](ByteWriter& to) { write_lockbox(to, box); });
      return;
    case Type::dek:
      for (const auto& dek : record.deks) put([&](ByteWriter& to) { write_dek(to, dek); });
      return;
    case Type::rollback_accepted:
      for (const auto& event : record.rollbacks) {
        put([&](ByteWriter& to) { write_rollback(to, event); });
      }
      return;
  }
}

constexpr std::array kKnownTypes = {
    Type::identity,
    Type::sequence,
    Type::store_epoch,
    Type::created,
    Type::rotation_policy,
    Type::next_rotation,
    Type::policy,
    Type::kek,
    Type::lockbox,
    Type::dek,
    Type::rollback_accepted,
};

void put_unknown(ByteWriter& out, const KeyringUnknownRecord& record) {
  out.u16(record.type);
  out.u16(0);
  out.u32(static_cast<std::uint32_t>(record.value.size()));
  out.bytes(record.value);
}

}  // namespace

Result<ParsedKeyring> parse_keyring(ByteView file) {
  KEYHOLD_TRY(check_envelope(file));
  ParsedKeyring parsed;
  const ByteView body = keyring_mac_input(file);
  KEYHOLD_TRY_ASSIGN(parsed.record, parse_records(body.subspan(kKeyringPrefixSizeBytes)));
  copy_bytes(file.subspan(body.size(), parsed.mac.size()), parsed.mac);
  copy_bytes(file.last(kChecksumSizeBytes), parsed.digest);
  return parsed;
}

ByteVector serialize_keyring_body(const KeyringRecord& record) {
  ByteWriter records;
  auto unknown = record.unknown.begin();
  for (const Type type : kKnownTypes) {
    for (; unknown != record.unknown.end() && unknown->type < static_cast<std::uint16_t>(type);
         ++unknown) {
      put_unknown(records, *unknown);
    }
    put_known(records, record, type);
  }
  for (; unknown != record.unknown.end(); ++unknown) put_unknown(records, *unknown);

  ByteWriter out;
  out.bytes(as_bytes(kMagic));
  out.u32(kKeyringVersion);
  out.u32(static_cast<std::uint32_t>(kKeyringPrefixSizeBytes + records.size() +
                                     kKeyringTrailerSizeBytes));
  out.bytes(records.view());
  return out.take();
}

ByteVector finish_keyring(ByteVector body, const crypto::Mac& mac) {
  body.insert(body.end(), mac.begin(), mac.end());
  const auto digest = crypto::sha256(body);
  body.insert(body.end(), digest.begin(), digest.end());
  return body;
}

ByteVector dek_wrap_context(const StoreId& store, const KeyringDek& dek) {
  ByteWriter out;
  out.text(crypto::labels::kDekWrap);
  out.bytes(store.bytes());
  out.bytes(dek.id.bytes());
  out.u32(dek.generation);
  out.u32(dek.kek_version);
  return out.take();
}

}  // namespace keyhold::format
