#include "kms/error.h"

#include <array>

namespace keyhold::kms {
namespace {

struct FaultRow {
  Fault fault;
  std::string_view name;
  Code code;
};

constexpr std::array kFaults = {
    FaultRow{Fault::denied, "denied", Code::denied},
    FaultRow{Fault::disabled, "disabled", Code::denied},
    FaultRow{Fault::not_found, "not_found", Code::denied},
    FaultRow{Fault::throttled, "throttled", Code::unavailable},
    FaultRow{Fault::unavailable, "unavailable", Code::unavailable},
    FaultRow{Fault::malformed, "malformed", Code::wrong_key},
    FaultRow{Fault::configuration, "configuration", Code::invalid_argument},
    FaultRow{Fault::ambiguous, "ambiguous", Code::unavailable},
};

const FaultRow& row_of(Fault fault) {
  return kFaults.at(static_cast<std::size_t>(fault) - 1);
}

constexpr bool in_order() {
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    if (static_cast<std::size_t>(kFaults.at(i).fault) != i + 1) return false;
  }
  return true;
}
static_assert(in_order(), "one row for each fault, in the order of the enum");

}  // namespace

std::string_view fault_name(Fault fault) {
  return row_of(fault).name;
}

keyhold::Error Error::to_error() const {
  std::string message = message_;
  if (!request_id_.empty()) message += " (request " + request_id_ + ")";
  return {row_of(fault_).code, std::move(message)};
}

}  // namespace keyhold::kms
