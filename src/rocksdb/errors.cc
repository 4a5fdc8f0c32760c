#include "rocksdb/errors.h"

#include <array>

namespace keyhold::rocks {
namespace {

using rocksdb::IOStatus;
using Make = IOStatus (*)(const rocksdb::Slice& message);

IOStatus io_error(const rocksdb::Slice& message) {
  return IOStatus::IOError(message);
}
IOStatus no_space(const rocksdb::Slice& message) {
  return IOStatus::NoSpace(message);
}
IOStatus path_not_found(const rocksdb::Slice& message) {
  return IOStatus::PathNotFound(message);
}
IOStatus corruption(const rocksdb::Slice& message) {
  return IOStatus::Corruption(message);
}
IOStatus not_supported(const rocksdb::Slice& message) {
  return IOStatus::NotSupported(message);
}
IOStatus invalid_argument(const rocksdb::Slice& message) {
  return IOStatus::InvalidArgument(message);
}

struct Row {
  Code code;
  Make make;
  bool retryable;
};

constexpr std::array kRows = {
    Row{Code::invalid_argument, &invalid_argument, false},
    Row{Code::not_found, &path_not_found, false},
    Row{Code::already_exists, &io_error, false},
    Row{Code::busy, &io_error, false},
    Row{Code::denied, &io_error, true},
    Row{Code::unavailable, &io_error, true},
    Row{Code::integrity, &corruption, false},
    Row{Code::wrong_key, &corruption, false},
    Row{Code::rollback, &corruption, false},
    Row{Code::unsupported, &not_supported, false},
    Row{Code::no_space, &no_space, true},
    Row{Code::permission, &io_error, false},
    Row{Code::sealed, &io_error, true},
    Row{Code::io, &io_error, false},
    Row{Code::internal, &io_error, false},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows.at(i).code) != i) return false;
  }
  return kRows.size() == static_cast<std::size_t>(Code::internal) + 1;
}
static_assert(in_order(), "one row for each code, in the order of the enum");

}  // namespace

IOStatus to_io_status(const Error& error) {
  const Row& row = kRows.at(static_cast<std::size_t>(error.code()));
  IOStatus status = row.make(error.message());
  status.SetRetryable(row.retryable);
  return status;
}

IOStatus to_replay_status(const Error& error) {
  IOStatus status = to_io_status(error);
  if (status.IsCorruption()) return IOStatus::IOError(error.message());
  return status;
}

IOStatus to_io_status(const Status& outcome) {
  return outcome ? IOStatus::OK() : to_io_status(outcome.error());
}

}  // namespace keyhold::rocks
