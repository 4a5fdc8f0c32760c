// Table-like files: the size arithmetic, and readers on damaged tables, on tables with a header
// that its author signed, and on anything else.
#include "format/table.h"
#include "scratch_store.h"

namespace keyhold::fuzz {
namespace {

constexpr std::array<std::size_t, 5> kSizes = {0, 100, 4080, 4100, 9000};

Example make_example(ScratchStore& scratch, std::size_t size_bytes) {
  Example example{.raw = {}, .content = content_of(size_bytes)};
  auto file = *scratch.store.create(kPath, store::Layout::table);
  require(file->append(example.content).has_value(), "a table takes data");
  require(file->close().has_value(), "a table closes");
  example.raw = *scratch.disk.raw(kPath);
  return example;
}

ScratchStore& scratch() {
  static ScratchStore scratch;
  return scratch;
}

const Example& example(std::uint8_t choice) {
  static const std::vector<Example> examples = [] {
    std::vector<Example> made;
    for (const std::size_t size : kSizes) made.push_back(make_example(scratch(), size));
    return made;
  }();
  return examples.at(choice % kSizes.size());
}

void check_geometry(std::uint64_t physical) {
  const auto geometry = format::table_geometry(physical);
  if (!geometry) return;
  require(geometry->physical_bytes() == physical, "the geometry is that of the size");
  require(geometry->final_payload_bytes < format::kChunkPayloadBytes,
          "a full chunk is no final one");
}

void read_damaged(const Example& table, format::ByteReader& input) {
  ByteVector raw = table.raw;
  damage(raw, input);
  scratch().put(raw);
  ByteVector read;
  const auto content = scratch().read(read);
  require(!content || *content == table.content, "what is read is what was written");
  require(scratch().has_findings() == (raw != table.raw), "every change is found");
}

void read_with_switches(const Example& table, format::ByteReader& input) {
  format::HeaderSlot slot = format::parse_header(ByteView(table.raw).first(4096))->current();
  std::uint64_t first = 0;
  for (std::size_t count = input.u8() % 5; count > 0; --count) {
    first += input.u8() < 128 ? input.u8() : input.u64() / 8;
    slot.switches.push_back({.first_chunk = first, .salt = input.array<32>()});
  }
  ByteVector raw = table.raw;
  scratch().put_header(raw, slot);
  damage(raw, input);
  scratch().put(raw);
  ByteVector read;
  const auto content = scratch().read(read);
  require(!content || *content == table.content, "no other key gives other content");
}

}  // namespace

void run(ByteView bytes) {
  format::ByteReader input(bytes);
  const std::uint8_t mode = input.u8();
  const Example& table = example(input.u8());
  if (mode % 4 == 0) {
    check_geometry(input.u64());
    scratch().put(input.bytes(input.remaining()));
    ByteVector read;
    require(!scratch().read(read), "nobody but us writes a table");
    require(scratch().has_findings(), "a foreign file is found");
  } else if (mode % 4 == 1) {
    read_with_switches(table, input);
  } else {
    read_damaged(table, input);
  }
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    const auto choice = static_cast<std::uint8_t>(i);
    seeds.push_back({2, choice});                // as it was written
    seeds.push_back({2, choice, 0, 0, 16, 1});   // a bit
    seeds.push_back({2, choice, 1, 10, 16, 0});  // cut
    seeds.push_back({2, choice, 2, 32, 16, 200, 3, 0, 16, 130, 4, 0, 0, 16});
    ByteVector switched = {1, choice, 1, 0, 1};  // from chunk 1 on
    switched.resize(37);
    seeds.push_back(switched);
    ByteVector foreign = {0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0};
    foreign.insert(foreign.end(), example(choice).raw.begin(), example(choice).raw.begin() + 512);
    seeds.push_back(std::move(foreign));
  }
  return seeds;
}

}  // namespace keyhold::fuzz
