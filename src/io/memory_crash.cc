// What a crash leaves of a Volume.
#include <algorithm>
#include <map>
#include <set>

#include "io/memory_volume.h"

namespace keyhold::io::memory {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

// SplitMix64: the same choices for the same seed and inode, whatever else is on the disk.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t stream) : state_(seed) { state_ = next() ^ stream; }

  // REQUIRES: sides > 0.
  std::uint64_t below(std::uint64_t sides) { return next() % sides; }
  bool coin() { return below(2) == 0; }

 private:
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  std::uint64_t state_;
};

enum class Fate : std::uint8_t { lost, torn, kept };

// One fate for each unsynced change: all the same, the first ones kept, or any.
std::vector<Fate> draw_fates(std::size_t count, Dice& dice) {
  enum Pattern : std::uint8_t { all_lost, all_kept, first_ones, any, kPatterns };
  const std::uint64_t pattern = dice.below(kPatterns);
  const std::uint64_t cut = dice.below(count);
  std::vector<Fate> fates(count, pattern == all_lost ? Fate::lost : Fate::kept);
  for (std::size_t i = 0; i < count; ++i) {
    if (pattern == any) fates[i] = static_cast<Fate>(dice.below(3));
    if (pattern == first_ones && i >= cut) fates[i] = i == cut ? Fate::torn : Fate::lost;
  }
  return fates;
}

// Follows a file's unsynced changes, and what of each reaches the disk.
class Platter {
 public:
  Platter(const ByteVector& durable, Dice& dice)
      : memory_(durable), disk_(durable), size_(durable.size()), dice_(dice) {}

  void take(const FileChange& change, Fate fate) {
    bring_into(change, memory_);
    if (change.kind == FileChange::Kind::write) {
      write(change.offset, change.offset + change.data.size(), fate);
    } else {
      truncate(change.offset, fate);
    }
  }

  ByteVector settle() {
    disk_.resize(size_);
    return std::move(disk_);
  }

 private:
  void write(std::uint64_t begin, std::uint64_t end, Fate fate) {
    if (fate == Fate::lost) return;
    for (std::uint64_t sector = begin / kSectorBytes; sector * kSectorBytes < end; ++sector) {
      if (fate == Fate::kept || dice_.coin()) write_sector(sector * kSectorBytes);
    }
    if (size_ < end) size_ = fate == Fate::kept ? end : torn_size(end);
  }

  // The sector as memory holds it: with every earlier write to it.
  void write_sector(std::uint64_t begin) {
    const std::uint64_t end = std::min<std::uint64_t>(begin + kSectorBytes, memory_.size());
    if (disk_.size() < end) disk_.resize(end);
    copy_bytes(ByteView(memory_).subspan(begin, end - begin),
               MutableByteView(disk_).subspan(begin));
    const std::uint64_t rest = std::min<std::uint64_t>(begin + kSectorBytes, disk_.size());
    std::ranges::fill(MutableByteView(disk_).subspan(end, rest - end), std::uint8_t{0});
  }

  std::uint64_t torn_size(std::uint64_t end) {
    const std::uint64_t first = size_ / kSectorBytes;
    const std::uint64_t boundaries = (end + kSectorBytes - 1) / kSectorBytes - first;
    const std::uint64_t boundary = (first + dice_.below(boundaries + 1)) * kSectorBytes;
    return std::clamp(boundary, size_, end);
  }

  // Size changes of one inode reach the disk in their order.
  void truncate(std::uint64_t size_bytes, Fate fate) {
    truncation_lost_ = truncation_lost_ || fate != Fate::kept;
    if (truncation_lost_) return;
    disk_.resize(size_bytes);
    size_ = size_bytes;
  }

  ByteVector memory_;
  ByteVector disk_;
  std::uint64_t size_;
  bool truncation_lost_ = false;
  Dice& dice_;
};

ByteVector after_power_loss(const Inode& file, std::uint64_t seed) {
  if (file.unsynced.empty()) return file.durable;
  Dice dice(seed, file.number);
  const std::vector<Fate> fates = draw_fates(file.unsynced.size(), dice);
  Platter platter(file.durable, dice);
  for (std::size_t i = 0; i < fates.size(); ++i) platter.take(file.unsynced[i], fates[i]);
  return platter.settle();
}

// How many of each directory's unsynced changes stay: the first ones.
std::map<const Inode*, std::uint64_t> draw_cuts(const std::vector<NameChange>& changes,
                                                std::uint64_t seed) {
  std::map<const Inode*, std::uint64_t> counts;
  for (const auto& change : changes) {
    std::set<const Inode*> touched;
    for (const auto& edit : change.edits) touched.insert(edit.directory.get());
    for (const Inode* directory : touched) ++counts[directory];
  }
  enum Pattern : std::uint8_t { all_lost, all_kept, any_of_each, any_of_each_too, kPatterns };
  const std::uint64_t pattern = Dice(seed, 0).below(kPatterns);
  for (auto& [directory, count] : counts) {
    if (pattern == all_lost) count = 0;
    if (pattern >= any_of_each) count = Dice(seed, directory->number).below(count + 1);
  }
  return counts;
}

// The changes that stay: those within the cut of every directory they touch, and after none that
// went there.
std::vector<NameChange> surviving(const std::vector<NameChange>& changes, std::uint64_t seed) {
  auto left = draw_cuts(changes, seed);
  std::vector<NameChange> stay;
  bool one_went = false;
  for (const auto& change : changes) {
    const bool stays = std::ranges::all_of(
        change.edits, [&](const auto& edit) { return left[edit.directory.get()] > 0; });
    std::set<const Inode*> touched;
    for (const auto& edit : change.edits) touched.insert(edit.directory.get());
    if (stays && !(change.moves_directory && one_went)) {
      for (const Inode* directory : touched) --left[directory];
      stay.push_back(change);
    } else {
      for (const Inode* directory : touched) left[directory] = 0;
      one_went = true;
    }
  }
  return stay;
}

}  // namespace

class Imager {
 public:
  Imager(const Volume& from, CrashPolicy policy, std::uint64_t seed)
      : from_(from), policy_(policy), seed_(seed), to_(std::make_unique<Volume>(from.clock_)) {}

  std::unique_ptr<Volume> run() {
    to_->device_ = from_.device_;
    to_->next_number_ = from_.next_number_;
    to_->capacity_bytes_ = from_.capacity_bytes_;
    make_directories();
    fill_directories();
    count(*to_->root_);
    return std::move(to_);
  }

 private:
  void make_directories() {
    copies_[from_.root_.get()] = to_->root_;
    for (const auto& weak : from_.directories_) {
      if (const InodePtr directory = weak.lock()) copy_of(directory);
    }
  }

  InodePtr copy_of(const InodePtr& inode) {
    if (!inode) return nullptr;
    InodePtr& copy = copies_[inode.get()];
    if (copy) return copy;
    copy = std::make_shared<Inode>();
    copy->number = inode->number;
    copy->type = inode->type;
    copy->modified = inode->modified;
    if (inode->type == FileInfo::Type::directory) {
      to_->directories_.push_back(copy);
    } else {
      copy_content(*inode, *copy);
    }
    return copy;
  }

  void copy_content(const Inode& file, Inode& copy) {
    if (policy_ == CrashPolicy::kill) {
      copy.content = file.content;
      copy.durable = file.durable;
      copy.unsynced = file.unsynced;
      copy.reserved_end = file.reserved_end;
      return;
    }
    copy.durable =
        policy_ == CrashPolicy::power_loss ? after_power_loss(file, seed_) : file.durable;
    copy.content = copy.durable;
  }

  Names copy_of(const Names& names) {
    Names copy;
    for (const auto& [name, inode] : names) copy.emplace(name, copy_of(inode));
    return copy;
  }

  NameChange copy_of(const NameChange& change) {
    NameChange copy{.edits = {}, .moves_directory = change.moves_directory};
    for (const auto& [directory, name, target] : change.edits) {
      copy.edits.push_back({copy_of(directory), name, copy_of(target)});
    }
    return copy;
  }

  void fill_directories() {
    for (const auto& weak : from_.directories_) {
      const InodePtr directory = weak.lock();
      if (!directory) continue;
      const InodePtr copy = copy_of(directory);
      copy->durable_names = copy_of(directory->durable_names);
      copy->names = policy_ == CrashPolicy::kill ? copy_of(directory->names) : copy->durable_names;
    }
    if (policy_ == CrashPolicy::kill) {
      for (const auto& change : from_.unsynced_) to_->unsynced_.push_back(copy_of(change));
    } else if (policy_ == CrashPolicy::power_loss) {
      for (const auto& change : surviving(from_.unsynced_, seed_)) settle(copy_of(change));
    }
  }

  static void settle(const NameChange& change) {
    for (const auto& edit : change.edits) {
      bring_into(edit, edit.directory->names);
      bring_into(edit, edit.directory->durable_names);
    }
  }

  // Links, and the space that reachable files take.
  void count(const Inode& directory) {
    for (const auto& [name, inode] : directory.names) {
      if (++inode->links > 1) continue;
      inode->charged_bytes = std::max<std::uint64_t>(inode->content.size(), inode->reserved_end);
      to_->used_bytes_ += inode->charged_bytes;
      count(*inode);
    }
  }

  const Volume& from_;
  const CrashPolicy policy_;
  const std::uint64_t seed_;
  std::unique_ptr<Volume> to_;
  std::map<const Inode*, InodePtr> copies_;
};

std::unique_ptr<Volume> Volume::image(CrashPolicy policy, std::uint64_t seed) const {
  return Imager(*this, policy, seed).run();
}

}  // namespace keyhold::io::memory
