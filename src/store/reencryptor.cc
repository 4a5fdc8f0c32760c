#include "store/reencryptor.h"

#include <utility>

#include "store/header_block.h"

namespace keyhold::store {
namespace {

// What says something of one file only.
bool is_of_file(Code code) {
  switch (code) {
    case Code::integrity:
    case Code::wrong_key:
    case Code::unsupported:
    case Code::permission:
      return true;
    default:
      return false;
  }
}

class Pass {
 public:
  Pass(Store& store, Generation target, const ReencryptOptions& options)
      : store_(store), target_(target), options_(options) {}

  Result<ReencryptReport> run() {
    KEYHOLD_TRY(store_.remove_leftovers());
    store_.settle_names();
    KEYHOLD_TRY_ASSIGN(const auto files, files_by_inode(store_));
    for (const NamedFile& file : files) KEYHOLD_TRY(bring_over(file));
    return std::move(report_);
  }

 private:
  Status bring_over(const NamedFile& file) {
    if (file.info.type != io::FileInfo::Type::file) return {};
    KEYHOLD_TRY_ASSIGN(const auto oldest, generation_of(file));
    if (!oldest || *oldest >= target_) return {};
    if (store_.has_writer(file.info)) {
      pend(file, *oldest, PendingFile::Why::written, {});
      return {};
    }
    const Status outcome = write_again(file);
    if (outcome) {
      report_.done.add(file.info.size_bytes);
      if (options_.progress) options_.progress(file.info.size_bytes);
      return {};
    }
    const Error& error = outcome.error();
    if (error.code() == Code::not_found) {
      ++report_.gone;
      return {};
    }
    if (stopped_ || (error.code() != Code::busy && !is_of_file(error.code()))) return outcome;
    const auto why = error.code() == Code::integrity ? PendingFile::Why::unreadable
                     : store_.has_writer(file.info)  ? PendingFile::Why::written
                                                     : PendingFile::Why::not_yet;
    pend(file, *oldest, why, error.message());
    return {};
  }

  // Nothing where the file is gone, or is not ours to read.
  Result<std::optional<Generation>> generation_of(const NamedFile& file) {
    const std::string& path = file.names.front();
    const auto opened = store_.files().open(path, {});
    if (!opened && opened.error().code() == Code::not_found) {
      ++report_.gone;
      return std::nullopt;
    }
    if (!opened) return fail(opened.error());
    const auto header = HeaderBlock::load(**opened, store_.keys(), path);
    if (header) return header->oldest_generation();
    if (!is_of_file(header.error().code())) return fail(header.error());
    return std::nullopt;
  }

  Status write_again(const NamedFile& file) {
    const std::string& path = file.names.front();
    const Pace pace = [&](std::uint64_t bytes) -> Status {
      const auto entry = store_.files().entry(path);
      if (!entry || key_of(*entry) != key_of(file.info)) {
        return fail(Code::not_found, path + ": gone");
      }
      if (!options_.pace) return {};
      Status status = options_.pace(bytes);
      if (!status) stopped_ = true;
      return status;
    };
    KEYHOLD_TRY_ASSIGN(Rewritten made,
                       rewrite(store_.files(), store_.keys(), store_.random(), path, pace));
    return store_.replace(file.names, std::move(made), options_.others);
  }

  void pend(const NamedFile& file, Generation generation, PendingFile::Why why,
            std::string problem) {
    report_.pending.push_back({.path = file.names.front(),
                               .generation = generation,
                               .bytes = file.info.size_bytes,
                               .why = why,
                               .problem = std::move(problem)});
  }

  Store& store_;
  const Generation target_;
  const ReencryptOptions& options_;
  ReencryptReport report_;
  bool stopped_ = false;  // by the pace
};

}  // namespace

Result<ReencryptReport> reencrypt(Store& store, Generation target,
                                  const ReencryptOptions& options) {
  std::unique_ptr<io::FileLock> lock;
  if (!options.lock_path.empty()) {
    auto taken = store.files().lock(options.lock_path);
    if (!taken) return fail(taken.error().within("another process may be re-encrypting"));
    lock = *std::move(taken);
  }
  KEYHOLD_TRY_ASSIGN(const Generation current, store.keys().current_generation());
  if (current < target) {
    return fail(Code::invalid_argument, "DEK generation " + std::to_string(number(target)) +
                                            " is not there yet: rotate first");
  }
  return Pass(store, target, options).run();
}

}  // namespace keyhold::store
