#include "format/header.h"

#include <algorithm>

namespace keyhold::format {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'K', 'E', 'Y', 'H', 'O', 'L', 'D'};
constexpr std::uint32_t kFlagClosed = 1;
constexpr std::size_t kSwitchSizeBytes = 40;

// Offsets within a slot.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSuiteAt = 10;
constexpr std::size_t kModeAt = 11;
constexpr std::size_t kFlagsAt = 12;
constexpr std::size_t kStoreIdAt = 16;
constexpr std::size_t kFileIdAt = 32;
constexpr std::size_t kGenerationAt = 48;
constexpr std::size_t kSequenceAt = 56;
constexpr std::size_t kSaltAt = 64;
constexpr std::size_t kFramesAt = 96;
constexpr std::size_t kLogicalAt = 104;
constexpr std::size_t kSyncedAt = 112;
constexpr std::size_t kSwitchCountAt = 120;
constexpr std::size_t kSwitchesAt = 128;
constexpr std::size_t kSwitchesEnd = kSwitchesAt + kMaxSubkeySwitches * kSwitchSizeBytes;

Salt salt_at(ByteView bytes, std::size_t offset) {
  Salt salt;
  copy_bytes(bytes.subspan(offset, kSaltSizeBytes), salt);
  return salt;
}

Status check_reserved(ByteView bytes) {
  if (!all_zero(bytes.subspan(kGenerationAt + 4, 4)) ||
      !all_zero(bytes.subspan(kSwitchCountAt + 1, 7)) ||
      !all_zero(bytes.subspan(kSwitchesEnd, kSlotMacOffset - kSwitchesEnd))) {
    return fail(Code::integrity, "reserved bytes of the header are not zero");
  }
  return {};
}

Status parse_switches(ByteView bytes, HeaderSlot& slot) {
  const std::size_t count = bytes[kSwitchCountAt];
  if (count > kMaxSubkeySwitches)
    return fail(Code::integrity, "too many subkey switches in the header");
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView entry = bytes.subspan(kSwitchesAt + i * kSwitchSizeBytes, kSwitchSizeBytes);
    const SubkeySwitch next{load_le<std::uint64_t>(entry), salt_at(entry, 8)};
    if (!slot.switches.empty() && next.first_chunk < slot.switches.back().first_chunk) {
      return fail(Code::integrity, "subkey switches in the header are out of order");
    }
    slot.switches.push_back(next);
  }
  if (!all_zero(bytes.subspan(kSwitchesAt + count * kSwitchSizeBytes,
                              (kMaxSubkeySwitches - count) * kSwitchSizeBytes))) {
    return fail(Code::integrity, "bytes behind the header's subkey switches are not zero");
  }
  return {};
}

Status parse_closing(ByteView bytes, HeaderSlot& slot) {
  const auto flags = load_le<std::uint32_t>(bytes.subspan(kFlagsAt));
  if ((flags & ~kFlagClosed) != 0) {
    return fail(Code::unsupported,
                "the header has flags that this version does not know; a newer Keyhold wrote it");
  }
  slot.closed = (flags & kFlagClosed) != 0;
  slot.closing = {.frames = load_le<std::uint64_t>(bytes.subspan(kFramesAt)),
                  .logical_bytes = load_le<std::uint64_t>(bytes.subspan(kLogicalAt)),
                  .synced_frames = load_le<std::uint64_t>(bytes.subspan(kSyncedAt))};
  if (!slot.closed && slot.closing != Closing{}) {
    return fail(Code::integrity, "the header of an open file carries a closing record");
  }
  return {};
}

Status check_magic_and_version(ByteView bytes) {
  if (!std::ranges::equal(bytes.first(kMagic.size()), kMagic)) {
    return fail(Code::integrity,
                "no Keyhold header: the file is plaintext, or its header is damaged");
  }
  const auto version = load_le<std::uint16_t>(bytes.subspan(kVersionAt));
  if (version == 0) return fail(Code::integrity, "the header's format version is 0");
  if (version > kHeaderVersion) {
    return fail(Code::unsupported, "the file has format version " + std::to_string(version) +
                                       ", this Keyhold reads up to " +
                                       std::to_string(kHeaderVersion) + "; use a newer Keyhold");
  }
  if (bytes[kSuiteAt] != kSuiteGcm) {
    return fail(Code::unsupported, "the file uses cipher suite " + std::to_string(bytes[kSuiteAt]) +
                                       ", which this Keyhold does not have");
  }
  return {};
}

}  // namespace

bool bears_mark(ByteView block) {
  for (std::size_t at = 0; at < kSlotCount * kSlotSizeBytes; at += kSlotSizeBytes) {
    if (block.size() < at + kMagic.size()) return false;
    if (std::ranges::equal(block.subspan(at, kMagic.size()), kMagic)) return true;
  }
  return false;
}

void serialize_slot(const HeaderSlot& slot, MutableByteView out) {
  std::ranges::fill(out, std::uint8_t{0});
  copy_bytes(kMagic, out);
  store_le<std::uint16_t>(out.subspan(kVersionAt), kHeaderVersion);
  out[kSuiteAt] = kSuiteGcm;
  out[kModeAt] = static_cast<std::uint8_t>(slot.mode);
  store_le<std::uint32_t>(out.subspan(kFlagsAt), slot.closed ? kFlagClosed : 0);
  copy_bytes(slot.store_id.bytes(), out.subspan(kStoreIdAt));
  copy_bytes(slot.file_id.bytes(), out.subspan(kFileIdAt));
  store_le<std::uint32_t>(out.subspan(kGenerationAt), number(slot.generation));
  store_le<std::uint64_t>(out.subspan(kSequenceAt), slot.sequence);
  copy_bytes(slot.salt, out.subspan(kSaltAt));
  store_le<std::uint64_t>(out.subspan(kFramesAt), slot.closing.frames);
  store_le<std::uint64_t>(out.subspan(kLogicalAt), slot.closing.logical_bytes);
  store_le<std::uint64_t>(out.subspan(kSyncedAt), slot.closing.synced_frames);
  out[kSwitchCountAt] = static_cast<std::uint8_t>(slot.switches.size());
  for (std::size_t i = 0; i < slot.switches.size(); ++i) {
    const MutableByteView entry = out.subspan(kSwitchesAt + i * kSwitchSizeBytes, kSwitchSizeBytes);
    store_le<std::uint64_t>(entry, slot.switches[i].first_chunk);
    copy_bytes(slot.switches[i].salt, entry.subspan(8));
  }
  copy_bytes(slot.mac, out.subspan(kSlotMacOffset));
}

Result<HeaderSlot> parse_slot(ByteView bytes) {
  KEYHOLD_TRY(check_magic_and_version(bytes));
  HeaderSlot slot;
  slot.mode = static_cast<Mode>(bytes[kModeAt]);
  if (slot.mode != Mode::table && slot.mode != Mode::log && slot.mode != Mode::page) {
    return fail(Code::unsupported, "the file has mode " + std::to_string(bytes[kModeAt]) +
                                       ", which this Keyhold does not have");
  }
  // A flag of a newer version may give reserved bytes a meaning: it is judged first.
  KEYHOLD_TRY(parse_closing(bytes, slot));
  KEYHOLD_TRY(check_reserved(bytes));
  KEYHOLD_TRY(parse_switches(bytes, slot));
  slot.store_id = StoreId(bytes.subspan(kStoreIdAt, StoreId::kSizeBytes));
  slot.file_id = FileId(bytes.subspan(kFileIdAt, FileId::kSizeBytes));
  slot.generation = Generation{load_le<std::uint32_t>(bytes.subspan(kGenerationAt))};
  slot.sequence = load_le<std::uint64_t>(bytes.subspan(kSequenceAt));
  slot.salt = salt_at(bytes, kSaltAt);
  copy_bytes(bytes.subspan(kSlotMacOffset, slot.mac.size()), slot.mac);
  return slot;
}

Result<Header> parse_header(ByteView block) {
  Header header;
  for (std::size_t i = 0; i < kSlotCount; ++i) {
    KEYHOLD_TRY_ASSIGN(header.slots.at(i),
                       parse_slot(block.subspan(i * kSlotSizeBytes, kSlotSizeBytes)));
  }
  const HeaderSlot& a = header.slots[0];
  const HeaderSlot& b = header.slots[1];
  if (a.mode != b.mode || a.store_id != b.store_id || a.file_id != b.file_id ||
      std::max(a.sequence, b.sequence) - std::min(a.sequence, b.sequence) != 1) {
    return fail(Code::integrity, "the two slots of the header do not belong together");
  }
  if (!all_zero(block.subspan(kSlotCount * kSlotSizeBytes))) {
    return fail(Code::integrity, "bytes behind the header's slots are not zero");
  }
  return header;
}

std::array<std::uint8_t, 40> file_secret_context(const HeaderSlot& slot) {
  std::array<std::uint8_t, 40> context{};
  const MutableByteView out(context);
  out[0] = kSuiteGcm;
  out[1] = static_cast<std::uint8_t>(slot.mode);
  store_le<std::uint32_t>(out.subspan(4), number(slot.generation));
  copy_bytes(slot.store_id.bytes(), out.subspan(8));
  copy_bytes(slot.file_id.bytes(), out.subspan(24));
  return context;
}

std::array<std::uint8_t, 12> counter_nonce(std::uint64_t counter) {
  std::array<std::uint8_t, 12> nonce{};
  store_le<std::uint64_t>(nonce, counter);
  return nonce;
}

}  // namespace keyhold::format
