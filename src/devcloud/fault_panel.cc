#include "devcloud/fault_panel.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace keyhold::devcloud {
namespace {

using nlohmann::json;

constexpr const char* kDocument = "state/panel.json";
constexpr std::size_t kMaxFaults = 1000;
constexpr std::chrono::milliseconds kMaxDelay = std::chrono::hours(24);

constexpr std::array<std::pair<Fault::Kind, std::string_view>, 10> kKinds = {{
    {Fault::Kind::deny, "deny"},
    {Fault::Kind::disable, "disable"},
    {Fault::Kind::delay, "delay"},
    {Fault::Kind::throttle, "throttle"},
    {Fault::Kind::error, "error"},
    {Fault::Kind::cut, "cut"},
    {Fault::Kind::truncate, "truncate"},
    {Fault::Kind::wrong_key, "wrong-key"},
    {Fault::Kind::garbage, "garbage"},
    {Fault::Kind::proxy, "proxy"},
}};

json to_document(const Fault& fault) {
  return {{"id", fault.id},
          {"service", fault.service},
          {"resource", fault.resource},
          {"operation", fault.operation},
          {"kind", name_of(fault.kind)},
          {"delay_ms", fault.delay.count()},
          {"status", fault.status},
          {"code", fault.code},
          {"message", fault.message},
          {"remaining", fault.remaining}};
}

Status check(const Fault& fault) {
  if (fault.service.empty()) return fail(Code::invalid_argument, "a fault names a service");
  if (fault.delay.count() < 0 || fault.delay > kMaxDelay) {
    return fail(Code::invalid_argument, "a fault's delay is between 0 and 24 h");
  }
  if (fault.status != 0 && (fault.status < 400 || fault.status > 599)) {
    return fail(Code::invalid_argument, "a fault's HTTP status is between 400 and 599");
  }
  if (fault.kind == Fault::Kind::delay && fault.delay.count() == 0) {
    return fail(Code::invalid_argument, "a delay of what length?");
  }
  if (fault.remaining < 0) return fail(Code::invalid_argument, "a count is not negative");
  return {};
}

Result<Fault> from_document(const json& document) {
  try {
    Fault fault;
    fault.id = document.value("id", "");
    fault.service = document.at("service").get<std::string>();
    fault.resource = document.value("resource", "");
    fault.operation = document.value("operation", "");
    const auto kind = fault_kind(document.at("kind").get<std::string>());
    if (!kind) return fail(Code::invalid_argument, "no fault is of that kind");
    fault.kind = *kind;
    fault.delay = std::chrono::milliseconds(document.value("delay_ms", std::int64_t{0}));
    fault.status = document.value("status", 0);
    fault.code = document.value("code", "");
    fault.message = document.value("message", "");
    fault.remaining = document.value("remaining", 0);
    KEYHOLD_TRY(check(fault));
    return fault;
  } catch (const json::exception&) {
    return fail(Code::invalid_argument, "a fault is an object with service, kind and more");
  }
}

bool fits(const Fault& fault, std::string_view service, std::string_view operation,
          std::string_view resource) {
  return fault.service == service && (fault.operation.empty() || fault.operation == operation) &&
         (fault.resource.empty() || resource.ends_with(fault.resource));
}

}  // namespace

std::string_view name_of(Fault::Kind kind) {
  return std::ranges::find(kKinds, kind, &decltype(kKinds)::value_type::first)->second;
}

std::optional<Fault::Kind> fault_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &decltype(kKinds)::value_type::second);
  if (found == kKinds.end()) return std::nullopt;
  return found->first;
}

std::string to_json(const Fault& fault) {
  return to_document(fault).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Fault> fault_from_json(std::string_view text) {
  return from_document(json::parse(text, nullptr, false));
}

Result<std::unique_ptr<FaultPanel>> FaultPanel::open(const Folder& folder) {
  std::unique_ptr<FaultPanel> panel(new FaultPanel(folder));
  KEYHOLD_TRY_ASSIGN(const auto text, folder.load(kDocument));
  if (text) KEYHOLD_TRY(panel->read(*text));
  return panel;
}

Status FaultPanel::read(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("faults")) {
    return fail(Code::integrity, folder_->at(kDocument) + " is damaged");
  }
  for (const json& item : document["faults"]) {
    KEYHOLD_TRY_ASSIGN(auto fault, from_document(item));
    faults_.push_back(std::move(fault));
  }
  propagation_delay_ =
      std::chrono::milliseconds(document.value("propagation_delay_ms", std::int64_t{0}));
  return {};
}

Status FaultPanel::save(const std::vector<Fault>& faults, std::chrono::milliseconds delay) const {
  json list = json::array();
  for (const Fault& fault : faults) list.push_back(to_document(fault));
  const json document = {{"faults", list}, {"propagation_delay_ms", delay.count()}};
  return folder_->save(kDocument, document.dump(2, ' ', false, json::error_handler_t::replace));
}

Result<Fault> FaultPanel::add(Fault fault) {
  KEYHOLD_TRY(check(fault));
  std::array<std::uint8_t, 4> random{};
  folder_->machine().random.fill(random);
  fault.id = to_hex(random);
  const std::lock_guard lock(mutex_);
  if (faults_.size() >= kMaxFaults) return fail(Code::busy, "there are 1000 faults already");
  auto faults = faults_;
  faults.push_back(fault);
  KEYHOLD_TRY(save(faults, propagation_delay_));
  faults_ = std::move(faults);
  return fault;
}

Status FaultPanel::clear(std::string_view id) {
  const std::lock_guard lock(mutex_);
  auto faults = faults_;
  const auto gone =
      std::erase_if(faults, [&](const Fault& fault) { return id.empty() || fault.id == id; });
  if (gone == 0 && !id.empty()) return fail(Code::not_found, "there is no such fault");
  KEYHOLD_TRY(save(faults, propagation_delay_));
  faults_ = std::move(faults);
  return {};
}

std::vector<Fault> FaultPanel::list() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::optional<Fault> FaultPanel::meet(std::string_view service, std::string_view operation,
                                      std::string_view resource) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      faults_, [&](const Fault& fault) { return fits(fault, service, operation, resource); });
  if (found == faults_.end()) return std::nullopt;
  Fault fault = *found;
  if (found->remaining > 0 && --found->remaining == 0) faults_.erase(found);
  return fault;
}

std::chrono::milliseconds FaultPanel::propagation_delay() const {
  const std::lock_guard lock(mutex_);
  return propagation_delay_;
}

Status FaultPanel::set_propagation_delay(std::chrono::milliseconds delay) {
  if (delay.count() < 0 || delay > kMaxDelay) {
    return fail(Code::invalid_argument, "a propagation delay is between 0 and 24 h");
  }
  const std::lock_guard lock(mutex_);
  KEYHOLD_TRY(save(faults_, delay));
  propagation_delay_ = delay;
  return {};
}

void apply_to(const Fault& fault, net::HttpAnswer& answer) {
  answer.delay += fault.delay;
  switch (fault.kind) {
    case Fault::Kind::cut:
      answer.cut = net::HttpAnswer::Cut::before;
      break;
    case Fault::Kind::truncate:
      answer.cut = net::HttpAnswer::Cut::within;
      break;
    case Fault::Kind::garbage:
      answer.status = 200;
      answer.body = "<!doctype html><title>Welcome</title>";
      break;
    case Fault::Kind::proxy:
      answer.status = 403;
      answer.headers = {{"Content-Type", "text/html"}};
      answer.body = "<html><head><title>403 Forbidden</title></head></html>";
      break;
    default:
      break;
  }
}

}  // namespace keyhold::devcloud
