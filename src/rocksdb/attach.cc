#include "rocksdb/attach.h"

#include <map>
#include <mutex>
#include <utility>

#include "base/environment.h"
#include "crypto/random.h"
#include "host/attach.h"
#include "rocksdb/engine.h"
#include "rocksdb/keeps_lease.h"

namespace keyhold::rocks {
namespace {

struct Place {
  std::mutex mutex;  // held while attaching, so that a second caller waits for the first
  std::weak_ptr<Volume> volume;
  std::shared_ptr<Volume> pinned;
};

// Never destroyed: an engine may open and close databases while the process exits.
Place& place_of(const std::string& root) {
  static auto* const mutex = new std::mutex;
  static auto* const places = new std::map<std::string, Place>;
  const std::lock_guard lock(*mutex);
  return (*places)[root];
}

Result<std::shared_ptr<Volume>> attach_anew(const std::string& root) {
  KEYHOLD_TRY(check_environment());
  host::AttachOptions options;
  KEYHOLD_TRY_ASSIGN(options.host.retry.wait,
                     host::kms_wait_from_environment(host::kEmbeddedKmsWait));
  options.host.remove_leftovers = true;
  options.host.keeps_lease = kKeepsLease;
  const host::Environment machine{
      .files = io::posix_file_system(), .clock = system_clock(), .random = crypto::system_random()};
  KEYHOLD_TRY_ASSIGN(auto keys, host::attach(machine, root, options));
  keys->set_engine(make_engine(root));
  auto volume = std::make_shared<Volume>(machine.files, std::move(keys), machine.random, root);
  KEYHOLD_TRY(volume->work_on_files(machine.clock));
  return volume;
}

}  // namespace

Result<std::shared_ptr<Volume>> attach_volume(const std::string& root) {
  Place& place = place_of(root);
  const std::lock_guard lock(place.mutex);
  if (auto volume = place.volume.lock()) return volume;
  KEYHOLD_TRY_ASSIGN(auto volume, attach_anew(root));
  place.volume = volume;
  return volume;
}

Status pin_volume(const std::string& root) {
  KEYHOLD_TRY_ASSIGN(auto volume, attach_volume(root));
  Place& place = place_of(root);
  const std::lock_guard lock(place.mutex);
  place.pinned = std::move(volume);
  return {};
}

void unpin_volume(const std::string& root) {
  Place& place = place_of(root);
  std::shared_ptr<Volume> dropped;  // perhaps the last reference: it goes after the lock
  const std::lock_guard lock(place.mutex);
  dropped.swap(place.pinned);
}

}  // namespace keyhold::rocks
