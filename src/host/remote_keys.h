// The keys of a store whose host is another process: fetched over its control socket, one DEK a
// generation, kept in secret memory, file keys derived here.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "crypto/secret.h"
#include "host/control_client.h"
#include "host/host.h"
#include "host/layout.h"
#include "host/store_keys.h"
#include "host/unique_fd.h"

namespace keyhold::host {

// Thread-safe. Every generation is fetched as soon as the host tells of it. The host lends the
// right to use them for a few seconds at a time (DESIGN 3); a thread here renews it. Where the host
// says that it is sealed, or nothing until the time is over, this process is sealed: its engine
// fenced, every key wiped. It serves again once a host does, this one or another; it never becomes
// the host itself. Where the store or its key ring was replaced under the host by an older one,
// this process is sealed for good (Code::wrong_key): nobody could read later what it writes.
//
// In a child of a fork() nobody renews the right: it runs out.
class RemoteKeys final : public StoreKeys, private store::KeyHolder {
 public:
  // Code::not_found where no host runs; what the host answers otherwise (Code::unavailable: it
  // waits for its KMS; Code::busy: it is starting). `clock` outlives the keys.
  static Result<std::unique_ptr<RemoteKeys>> connect(const Clock& clock,
                                                     const std::string& store_path,
                                                     nanoseconds timeout);
  // Reports the last sealed bytes where the host still runs.
  ~RemoteKeys() override;

  // store::KeySource
  [[nodiscard]] StoreId store_id() const override { return store_; }
  // Asks the host at most once in the time that its last answer is valid.
  [[nodiscard]] Result<Generation> current_generation() override;
  [[nodiscard]] Status prepare(Generation generation) override;
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) override;
  void add_sealed_bytes(Generation generation, std::uint64_t bytes) override;
  [[nodiscard]] store::SealGuard& guard() override { return guard_; }

  // StoreKeys
  [[nodiscard]] Role role() const override { return Role::client; }
  void set_engine(Engine engine) override { engine_.set(std::move(engine)); }
  Result<Generation> rotate_dek() override;
  Status rotate_kek() override;
  Status rewrap() override;
  Status rewrap_to(const kms::KeySpec& spec) override;
  Result<FileWish> report_files(FileReport report) override;
  Result<Generation> reencrypt(bool rotate_first, std::uint64_t bytes_per_second) override;
  Result<CoverageReport> coverage() override;
  Result<ShredReport> shred() override;
  Result<LoadedPolicy> policy() override;
  Result<std::uint64_t> set_policy(const std::string& text, std::uint64_t expected) override;

 private:
  RemoteKeys(const Clock& clock, const std::string& store_path, nanoseconds timeout);
  [[nodiscard]] ControlClient client() const { return {.layout = layout_, .clock = clock_}; }
  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, timeout_); }
  // REQUIRES: refresh_mutex_ is held, or nobody else has the object yet.
  Status greet(Deadline deadline);
  [[nodiscard]] Status check_lineage(const format::HelloReply& hello) const;
  Status fetch_up_to(Generation newest, Deadline deadline);
  Status fetch(Generation generation, Deadline deadline);
  void refresh();
  Status greet_in_time(nanoseconds left);
  void keep_lease();
  nanoseconds renew();
  void seal_here(const std::string& reason);
  Status serve_again();
  void wait_for_news(nanoseconds longest);
  void report_sealed_bytes(nanoseconds timeout);
  [[nodiscard]] Status explain(Generation generation, const Error& error) const;
  [[nodiscard]] bool has(Generation generation) const;
  Result<format::ControlReply> order(const format::ControlRequest& request);
  void wipe_keys() override;

  const StoreLayout layout_;
  const Clock& clock_;
  const nanoseconds timeout_;
  StoreId store_;
  store::SealGuard guard_;
  std::list<store::KeyHolder*>::iterator place_;

  mutable std::shared_mutex keys_mutex_;  // never held over the socket
  std::map<std::uint32_t, ControlClient::Dek> deks_;
  std::map<std::uint32_t, KeyId> known_;  // whose number a generation is, also while sealed

  std::timed_mutex refresh_mutex_;  // one question to the host at a time
  std::atomic<std::uint32_t> current_ = 0;
  std::atomic<std::uint32_t> newest_ = 0;  // by the host's last word; not fetched while sealed
  std::atomic<BootClock::rep> valid_until_ = 0;
  bool host_missed_ = false;                 // said so already
  std::atomic<bool> ring_is_other_ = false;  // for good: the keys here are not the host's any more

  std::mutex sealed_mutex_;
  std::map<std::uint32_t, std::uint64_t> sealed_bytes_;  // not reported yet

  EngineSeat engine_;
  bool sealed_here_ = false;  // of the lease's thread alone, as is the next
  UniqueFd watch_;
  UniqueFd stop_;  // an eventfd: the destructor's word to the lease's thread
  std::thread thread_;
};

}  // namespace keyhold::host
