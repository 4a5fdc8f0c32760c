#include "keyring/anchoring.h"

#include <algorithm>
#include <string>

#include "crypto/labels.h"
#include "keyring/hierarchy.h"

namespace keyhold::keyring {
namespace {

constexpr const char* kAccept =
    "; if this is what you want, `keyhold store accept-rollback` takes it as it is";

// No key ring falls this far behind. Until its MAC is checked an anchor is anybody's word, and what
// follows accept-rollback must be able to lie above it.
constexpr std::uint64_t kCredibleLead = std::uint64_t{1} << 32;

Result<format::AnchorMac> sign(const format::AnchorRecord& record, const KekView& kek) {
  const auto input = format::anchor_mac_input(record);
  KEYHOLD_TRY_ASSIGN(const crypto::Mac mac,
                     mac_under(kek.key, record.store, crypto::labels::kAnchorMac, input));
  return format::AnchorMac{.kek_version = kek.version, .mac = mac};
}

format::AnchorRecord statement(const RingPoint& point) {
  return {.store = point.store, .sequence = point.sequence, .digest = point.digest, .macs = {}};
}

Status verify_mac(const format::AnchorRecord& record, const KekView& kek, const std::string& name) {
  KEYHOLD_TRY_ASSIGN(const format::AnchorMac expected, sign(record, kek));
  for (const format::AnchorMac& mac : record.macs) {
    if (mac.kek_version == kek.version && crypto::equal_constant_time(mac.mac, expected.mac)) {
      return {};
    }
  }
  return fail(Code::integrity, "the anchor " + name + " was not made by this key ring" + kAccept);
}

// The anchor needs no proof to be obeyed when it forbids: a forged one can only refuse.
Status compare(const format::AnchorRecord& anchor, const RingPoint& found,
               const std::string& name) {
  if (anchor.store != found.store) {
    // Not Code::integrity: accept-rollback must not take it.
    return fail(Code::wrong_key, "the key ring is of store " + found.store.hex() + ", the anchor " +
                                     name + " of store " + anchor.store.hex() +
                                     ": one of them was exchanged, put the store's own back");
  }
  if (found.sequence < anchor.sequence) {
    return fail(Code::rollback, "the key ring is older (sequence " +
                                    std::to_string(found.sequence) + ") than the anchor " + name +
                                    " remembers (" + std::to_string(anchor.sequence) +
                                    "): put the newer one back" + kAccept);
  }
  if (found.sequence == anchor.sequence && found.digest != anchor.digest) {
    return fail(Code::rollback, "the key ring is not the one that the anchor " + name +
                                    " remembers at sequence " + std::to_string(found.sequence) +
                                    ": put that one back" + kAccept);
  }
  return {};
}

}  // namespace

Result<format::AnchorRecord> Anchoring::load() {
  KEYHOLD_TRY_ASSIGN(const auto bytes, anchor_->load());
  if (!bytes) {
    return fail(Code::rollback, "the anchor " + anchor_->name() +
                                    " is not there, so an older key ring would not be noticed: "
                                    "name the right one" +
                                    kAccept);
  }
  auto record = format::parse_anchor(*bytes);
  if (!record) {
    const std::string hint = record.error().code() == Code::integrity ? kAccept : "";
    return fail(record.error().code(), anchor_->name() + ": " + record.error().message() + hint);
  }
  return record;
}

Status Anchoring::store(const format::AnchorRecord& record) {
  const auto stored = anchor_->store(format::serialize_anchor(record));
  if (!stored) return fail(stored.error().within("anchor " + anchor_->name()));
  behind_ = false;
  return {};
}

Status Anchoring::reserve(const StoreId& store_id, const KekView& kek) {
  if (!is_set()) return {};
  const auto there = load();
  if (there && there->sequence != 0) {
    return fail(Code::already_exists, "the anchor " + anchor_->name() + " is that of store " +
                                          there->store.hex() +
                                          ": name another file, or, where no store of that id is "
                                          "left, remove it");
  }
  // Code::rollback: nothing is there. What else lies in that place is not ours to replace.
  if (!there && there.error().code() == Code::integrity) {
    return fail(Code::already_exists,
                "the anchor " + anchor_->name() + " is a file of another kind: name another one");
  }
  if (!there && there.error().code() != Code::rollback) return fail(there.error());
  format::AnchorRecord record = statement({.store = store_id});
  KEYHOLD_TRY_ASSIGN(record.macs[0], sign(record, kek));
  return store(record);
}

Status Anchoring::check(const RingPoint& found, const KekView& kek) {
  if (!is_set()) return {};
  KEYHOLD_TRY_ASSIGN(const format::AnchorRecord anchor, load());
  if (anchor.sequence > found.sequence && anchor.sequence - found.sequence > kCredibleLead) {
    return fail(Code::integrity, "the anchor " + anchor_->name() +
                                     " names a sequence that no key ring has reached" + kAccept);
  }
  remembered_ = anchor.sequence;
  KEYHOLD_TRY(compare(anchor, found, anchor_->name()));
  KEYHOLD_TRY(verify_mac(anchor, kek, anchor_->name()));
  behind_ = anchor.sequence < found.sequence;
  return {};
}

Status Anchoring::raise(const RingPoint& point, crypto::Key256 kek, std::uint32_t version) {
  if (!is_set()) return {};
  behind_ = true;
  format::AnchorRecord record = statement(point);
  KEYHOLD_TRY_ASSIGN(record.macs[0], sign(record, {kek, version}));
  kek.release();  // an anchor may lie on a network's disk, which hangs
  return store(record);
}

Status Anchoring::prepare_rotation(const RingPoint& point, const KekView& kek,
                                   const KekView& next) {
  if (!is_set()) return {};
  format::AnchorRecord record = statement(point);
  KEYHOLD_TRY_ASSIGN(record.macs[0], sign(record, kek));
  KEYHOLD_TRY_ASSIGN(record.macs[1], sign(record, next));
  return store(record);
}

}  // namespace keyhold::keyring
