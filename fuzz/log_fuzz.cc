// Log-like files: readers and a writer that goes on, behind damaged logs, logs with a header that
// its author signed, and anything else.
#include "format/frame.h"
#include "scratch_store.h"

namespace keyhold::fuzz {
namespace {

ScratchStore& scratch() {
  static ScratchStore scratch;
  return scratch;
}

struct Shape {
  std::size_t pieces;
  std::size_t piece_bytes;
  std::size_t sync_every;  // 0: never before the end
  bool closed;
  bool recycled;
};
constexpr std::array<Shape, 6> kShapes = {{{0, 0, 0, true, false},
                                           {3, 100, 1, true, false},
                                           {5, 40, 2, false, false},
                                           {12, 300, 1, false, false},
                                           {3, 200, 1, true, true},
                                           {2, 9000, 0, false, true}}};

std::unique_ptr<store::AppendFile> begin(const Shape& shape) {
  auto file = *scratch().store.create(kPath, store::Layout::log);
  if (!shape.recycled) return file;
  for (int i = 0; i < 20; ++i)
    require(file->append(content_of(150)).has_value(), "a log takes data");
  require(file->close().has_value(), "a log closes");
  return *scratch().store.recycle(kPath, kPath);
}

Example make_example(const Shape& shape) {
  Example example{.raw = {}, .content = content_of(shape.pieces * shape.piece_bytes)};
  const auto file = begin(shape);
  for (std::size_t i = 0; i < shape.pieces; ++i) {
    const ByteView piece =
        ByteView(example.content).subspan(i * shape.piece_bytes, shape.piece_bytes);
    require(file->append(piece).has_value(), "a log takes data");
    if (shape.sync_every > 0 && (i + 1) % shape.sync_every == 0) {
      require(file->sync(false).has_value(), "a log syncs");
    }
  }
  if (shape.closed) {
    require(file->sync(false).has_value() && file->close().has_value(), "a log closes");
  }
  example.raw = *scratch().disk.raw(kPath);
  return example;
}

const Example& example(std::uint8_t choice) {
  static const std::vector<Example> examples = [] {
    std::vector<Example> made;
    for (const Shape& shape : kShapes) made.push_back(make_example(shape));
    return made;
  }();
  return examples.at(choice % kShapes.size());
}

// What was read stays, whatever stood behind it.
void go_on(const ByteVector& content) {
  const auto file = scratch().store.reopen(kPath);
  require(file.has_value(), "a log that is read to its end is opened again");
  const ByteVector more = content_of(10);
  require((*file)->append(more).has_value() && (*file)->sync(false).has_value() &&
              (*file)->close().has_value(),
          "and goes on");
  ByteVector expected = content;
  expected.insert(expected.end(), more.begin(), more.end());
  ByteVector read;
  const auto now = scratch().read(read);
  require(now && *now == expected, "what was there is there, and what came after it");
  require(!scratch().has_findings(), "and nothing is damaged");
}

void read_and_go_on(const Example& log) {
  ByteVector read;
  const auto content = scratch().read(read);
  require(is_prefix(read, log.content), "what is read is what was written");
  const bool found = scratch().has_findings();
  if (!content) {
    require(found, "what cannot be read is found");
  } else {
    go_on(*content);
  }
}

void read_with_closing_record(const Example& log, format::ByteReader& input) {
  format::HeaderSlot slot = format::parse_header(ByteView(log.raw).first(4096))->current();
  slot.closed = input.u8() % 4 != 0;
  const bool small = input.u8() % 4 != 0;
  const auto count = [&] { return small ? input.u8() % 16 : input.u64(); };
  slot.closing = {.frames = count(), .logical_bytes = count(), .synced_frames = count()};
  if (!slot.closed) slot.closing = {};
  ByteVector raw = log.raw;
  scratch().put_header(raw, slot);
  damage(raw, input);
  scratch().put(raw);
  read_and_go_on(log);
}

}  // namespace

void run(ByteView bytes) {
  format::ByteReader input(bytes);
  const std::uint8_t mode = input.u8();
  const std::uint8_t choice = input.u8();
  const Example& log = example(choice);
  if (mode % 4 == 0) {
    scratch().put(input.bytes(input.remaining()));
    ByteVector read;
    require(!scratch().read(read), "nobody but us writes a log");
  } else if (mode % 4 == 1) {
    read_with_closing_record(log, input);
  } else {
    ByteVector raw = log.raw;
    damage(raw, input);
    scratch().put(raw);
    const Shape& shape = kShapes.at(choice % kShapes.size());
    if (shape.closed && !shape.recycled) {
      const bool shorter = raw.size() < log.raw.size();
      const bool changed = shorter || !std::equal(log.raw.begin(), log.raw.end(), raw.begin());
      require(scratch().has_findings() == changed, "every change of a closed log is found");
    }
    read_and_go_on(log);
  }
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (std::size_t i = 0; i < kShapes.size(); ++i) {
    const auto choice = static_cast<std::uint8_t>(i);
    seeds.push_back({2, choice});
    seeds.push_back({2, choice, 0, 0, 16, 1});
    seeds.push_back({2, choice, 1, 60, 17, 0});
    seeds.push_back({2, choice, 2, 32, 17, 200, 3, 0, 16, 135, 4, 0, 0, 99, 5, 0, 17, 32});
    seeds.push_back({1, choice, 1, 1, 4, 100, 4});
    seeds.push_back({1, choice, 0, 0});
    ByteVector foreign = {0, 0};
    foreign.insert(foreign.end(), example(choice).raw.begin(), example(choice).raw.begin() + 600);
    seeds.push_back(std::move(foreign));
  }
  return seeds;
}

}  // namespace keyhold::fuzz
