// The header block: what is parsed is written back as it was.
#include <algorithm>

#include "format/header.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace format;

bool comes_back(const HeaderSlot& slot, ByteView bytes) {
  ByteVector written(kSlotSizeBytes);
  serialize_slot(slot, written);
  return std::ranges::equal(written, bytes.first(kSlotSizeBytes));
}

}  // namespace

void run(ByteView input) {
  ByteVector block(kHeaderSizeBytes);
  copy_bytes(input.first(std::min(input.size(), block.size())), block);
  if (const auto slot = parse_slot(ByteView(block).first(kSlotSizeBytes))) {
    require(comes_back(*slot, block), "a slot that was parsed comes back");
    require(slot->switches.size() <= kMaxSubkeySwitches, "switches are bounded");
  }
  if (const auto header = parse_header(block)) {
    require(comes_back(header->slots[1], ByteView(block).subspan(kSlotSizeBytes)),
            "the second slot comes back");
    require(
        header->current().sequence == header->slots.at(1 - header->current_index()).sequence + 1,
        "the slot in force is one ahead");
  }
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const Mode mode : {Mode::table, Mode::log, Mode::page}) {
    HeaderSlot slot;
    slot.mode = mode;
    slot.generation = Generation{1};
    slot.sequence = 1;
    if (mode == Mode::log) {
      slot.closed = true;
      slot.closing = {.frames = 3, .logical_bytes = 100, .synced_frames = 2};
    }
    if (mode == Mode::table) slot.switches = {{.first_chunk = 5, .salt = {}}};
    ByteVector block(kHeaderSizeBytes);
    serialize_slot(slot, MutableByteView(block).first(kSlotSizeBytes));
    slot.sequence = 0;
    serialize_slot(slot, MutableByteView(block).subspan(kSlotSizeBytes, kSlotSizeBytes));
    seeds.push_back(std::move(block));
  }
  return seeds;
}

}  // namespace keyhold::fuzz
