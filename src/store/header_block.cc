#include "store/header_block.h"

#include <algorithm>

#include "crypto/kdf.h"
#include "crypto/labels.h"

namespace keyhold::store {
namespace {

using format::HeaderSlot;
using SlotBytes = std::array<std::uint8_t, format::kSlotSizeBytes>;

Result<crypto::Mac> slot_mac(KeySource& source, const HeaderSlot& slot, ByteView slot_bytes) {
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 secret, file_secret(source, slot));
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 mac_key,
                     crypto::hkdf_sha256(secret, {}, as_bytes(crypto::labels::kHeaderMac)));
  return crypto::hmac_sha256(mac_key, format::slot_mac_input(slot_bytes));
}

Status sign(KeySource& source, HeaderSlot& slot) {
  KEYHOLD_TRY(source.prepare(slot.generation));
  const SealGuard::Use use(source.guard());
  KEYHOLD_TRY(use.check());
  SlotBytes bytes{};
  format::serialize_slot(slot, bytes);
  KEYHOLD_TRY_ASSIGN(slot.mac, slot_mac(source, slot, bytes));
  return {};
}

// A generation that is not there is no missing file: it must not look like one to an engine.
Error missing_generation(const HeaderSlot& slot, const Error& error) {
  if (error.code() != Code::not_found) return error;
  return {Code::wrong_key, "the file needs DEK generation " +
                               std::to_string(number(slot.generation)) +
                               " (unless its header is damaged): " + error.message()};
}

Status check_mac(KeySource& source, const HeaderSlot& slot, ByteView slot_bytes) {
  const Status prepared = source.prepare(slot.generation);
  if (!prepared) return fail(missing_generation(slot, prepared.error()));
  const SealGuard::Use use(source.guard());
  KEYHOLD_TRY(use.check());
  const auto mac = slot_mac(source, slot, slot_bytes);
  if (!mac) return fail(missing_generation(slot, mac.error()));
  if (!crypto::equal_constant_time(*mac, slot.mac)) {
    return fail(Code::integrity, "the header's MAC does not match: it was damaged or changed");
  }
  return {};
}

Status check_header(const format::Header& header, ByteView block, KeySource& source) {
  for (std::size_t i = 0; i < format::kSlotCount; ++i) {
    const HeaderSlot& slot = header.slots.at(i);
    if (slot.store_id != source.store_id()) {
      return fail(Code::integrity, "the file belongs to another store, " + slot.store_id.hex());
    }
    KEYHOLD_TRY(
        check_mac(source, slot, block.subspan(i * format::kSlotSizeBytes, format::kSlotSizeBytes)));
  }
  return {};
}

using Block = std::array<std::uint8_t, format::kHeaderSizeBytes>;

Status read_block(io::File& file, Block& block) {
  KEYHOLD_TRY_ASSIGN(const std::size_t count, file.read_at(0, block));
  if (count == block.size()) return {};
  return fail(Code::integrity, "the file has " + std::to_string(count) +
                                   " bytes, too few for a Keyhold header: it is damaged, or not of "
                                   "this store");
}

Result<format::Header> parse_and_check(ByteView block, KeySource& source) {
  KEYHOLD_TRY_ASSIGN(format::Header header, format::parse_header(block));
  KEYHOLD_TRY(check_header(header, block, source));
  return header;
}

Result<format::Header> read_header(io::File& file, KeySource& source) {
  Block block{};
  KEYHOLD_TRY(read_block(file, block));
  auto header = parse_and_check(block, source);
  if (header || header.error().code() != Code::integrity) return header;
  // A writer beside us may have been changing a slot: what is damaged stays as it is.
  const Block before = block;
  KEYHOLD_TRY(read_block(file, block));
  return block == before ? header : parse_and_check(block, source);
}

}  // namespace

Result<crypto::Key256> file_secret(KeySource& source, const HeaderSlot& slot) {
  const auto context = format::file_secret_context(slot);
  std::array<std::uint8_t, crypto::labels::kFileKey.size() + context.size()> info{};
  copy_bytes(as_bytes(crypto::labels::kFileKey), info);
  copy_bytes(context, MutableByteView(info).subspan(crypto::labels::kFileKey.size()));
  return source.derive(slot.generation, slot.salt, info);
}

format::Salt new_salt(crypto::Random& random) {
  format::Salt salt{};
  random.fill(salt);
  return salt;
}

Result<HeaderBlock> HeaderBlock::make(KeySource& source, crypto::Random& random, format::Mode mode,
                                      const std::optional<FileId>& id) {
  KEYHOLD_TRY_ASSIGN(const Generation generation, source.current_generation());
  HeaderSlot first{.mode = mode,
                   .store_id = source.store_id(),
                   .file_id = id ? *id : crypto::random_id<FileId>(random),
                   .generation = generation,
                   .sequence = 1,
                   .salt = new_salt(random)};
  HeaderSlot second = first;
  second.sequence = 0;
  KEYHOLD_TRY(sign(source, first));
  KEYHOLD_TRY(sign(source, second));
  HeaderBlock block;
  block.header_.slots = {std::move(first), std::move(second)};
  return block;
}

Result<HeaderBlock> HeaderBlock::load(io::File& file, KeySource& source, const std::string& path) {
  auto header = read_header(file, source);
  if (!header) return fail(header.error().within(path));
  HeaderBlock block;
  block.header_ = *std::move(header);
  return block;
}

ByteVector HeaderBlock::bytes() const {
  ByteVector block(format::kHeaderSizeBytes);
  for (std::size_t i = 0; i < format::kSlotCount; ++i) {
    format::serialize_slot(
        header_.slots.at(i),
        MutableByteView(block).subspan(i * format::kSlotSizeBytes, format::kSlotSizeBytes));
  }
  return block;
}

Status HeaderBlock::replace(io::File& file, KeySource& source, HeaderSlot next) {
  next.sequence = slot().sequence + 1;
  KEYHOLD_TRY(sign(source, next));
  SlotBytes bytes{};
  format::serialize_slot(next, bytes);
  const std::size_t index = 1 - header_.current_index();
  KEYHOLD_TRY(file.write_at(index * format::kSlotSizeBytes, bytes));
  header_.slots.at(index) = std::move(next);
  return {};
}

}  // namespace keyhold::store
