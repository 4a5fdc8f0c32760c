// What a host answers to a status request, read by whoever asked: what is taken is told again in
// the same words.
#include "host/host_status.h"
#include "target.h"

namespace keyhold::fuzz {

void run(ByteView input) {
  const auto parsed = host::host_status_from_json(std::string(as_text(input)));
  if (!parsed) return;
  const std::string text = host::to_json_text(*parsed);
  const auto again = host::host_status_from_json(text);
  require(again.has_value(), "a status that was written is read");
  require(host::to_json_text(*again) == text, "a status comes back");
}

std::vector<ByteVector> seeds() {
  host::HostStatus status;
  status.pid = 42;
  status.program = "db_bench";
  status.started = WallTime(std::chrono::seconds(1'700'000'000));
  status.state = host::HostState::waiting_for_kms;
  status.reason = "no route";
  status.aead_backend = "openssl";
  status.last_kms_success = WallTime(std::chrono::seconds(1'700'000'001));
  status.upkeep_problems = {"disk full"};
  status.health.repaired_copies = {"keyring.a"};
  std::vector<ByteVector> seeds;
  for (const std::string& text :
       {host::to_json_text(host::HostStatus{}), host::to_json_text(status)}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
