// The faults of LOCAL: what is a denial, what an outage, what neither (docs/formats/local-kms.md).
#include "kms/local/client.h"

#include <cerrno>
#include <chrono>

#include <gtest/gtest.h>

#include "kms/local/memory_kms.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::kms::local {
namespace {

using testing::Test;

class LocalClientTest : public Test {
 protected:
  static constexpr const char* kProbeEntry = "\"operation\":\"probe\"";

  void expect_fault(Fault fault, std::string_view message_part) {
    const std::size_t before = times_in_log(kProbeEntry);
    const auto probed = kms_.probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    EXPECT_NE(probed.error().message().find(message_part), std::string::npos)
        << probed.error().message();
    // A request id exactly where the log has the entry.
    const std::string& request_id = probed.error().request_id();
    EXPECT_EQ(times_in_log(kProbeEntry) - before, request_id.empty() ? 0U : 1U);
    EXPECT_TRUE(request_id.empty() || times_in_log(request_id) == 1);
  }
  [[nodiscard]] std::size_t times_in_log(const std::string& part) {
    const auto log = kms_.memory_.raw("/kms/access.log");
    if (!log) return 0;
    std::size_t times = 0;
    for (std::size_t at = 0; (at = as_text(*log).find(part, at)) != std::string::npos; ++at) {
      ++times;
    }
    return times;
  }
  void expect_fine() {
    const auto probed = kms_.probe();
    EXPECT_TRUE(probed.has_value()) << probed.error().message();
  }
  // Fails whatever touches a path with this part in it.
  void fail_on(const std::string& path_part, int error_number) {
    kms_.files_.set_fault({.at = 1,
                           .error_number = error_number,
                           .counts = io::Fault::Counts::everything,
                           .path_part = path_part,
                           .lasts = io::Fault::Lasts::from_there_on});
  }

  MemoryKms kms_;
};

TEST_F(LocalClientTest, DirectoryThatIsGoneIsAnOutageAndComesBack) {
  ASSERT_TRUE(kms_.memory_.rename("/kms", "/elsewhere").has_value());
  expect_fault(Fault::unavailable, "no LOCAL KMS at /kms: is it mounted?");
  ASSERT_TRUE(kms_.memory_.make_directory("/kms", 0700).has_value());  // an unmounted mount point
  expect_fault(Fault::unavailable, "is it mounted?");
  EXPECT_TRUE(kms_.memory_.list("/kms").value().empty());  // nothing was left in it
  ASSERT_TRUE(kms_.memory_.remove_directory("/kms").has_value());
  ASSERT_TRUE(kms_.memory_.rename("/elsewhere", "/kms").has_value());
  expect_fine();
}

TEST_F(LocalClientTest, DamagedMarkerIsNeitherADenialNorAnOutage) {
  ASSERT_TRUE(kms_.memory_.set_raw("/kms/keyhold-kms", as_bytes("x")).has_value());
  expect_fault(Fault::malformed, "damaged marker");
  ASSERT_TRUE(kms_.memory_.set_raw("/kms/keyhold-kms", ByteVector(5000)).has_value());
  expect_fault(Fault::malformed, "damaged marker");
}

TEST_F(LocalClientTest, NewerFormatIsAConfigurationFault) {
  ByteVector marker = kms_.memory_.raw("/kms/keyhold-kms").value();
  marker[8] = 2;
  ASSERT_TRUE(kms_.memory_.set_raw("/kms/keyhold-kms", marker).has_value());
  expect_fault(Fault::configuration, "of format 2");
}

TEST_F(LocalClientTest, MissingKeysDirectoryIsAnOutageButAMissingKeyFileIsNot) {
  ASSERT_TRUE(kms_.memory_.rename("/kms/keys", "/kms/other").has_value());
  expect_fault(Fault::unavailable, "/kms/keys is missing");
  ASSERT_TRUE(kms_.memory_.rename("/kms/other", "/kms/keys").has_value());
  ASSERT_TRUE(kms_.memory_.remove("/kms/keys/orders").has_value());
  expect_fault(Fault::not_found, "no key orders");
}

TEST_F(LocalClientTest, KeyFileThatGoesWithItsKmsIsAnOutage) {
  fail_on("/kms/keys", ENOENT);
  expect_fault(Fault::unavailable, "/kms/keys is missing");
}

// The answers of the disk that are the customer's: the key's file is not there; it may not be
// opened; the marker may not be read.
bool may_be_a_denial(const std::string& operation, int error_number) {
  const bool opens_key = operation == "open /kms/keys/orders";
  if (error_number == EACCES) return opens_key || operation.ends_with(" /kms/keyhold-kms");
  return error_number == ENOENT && opens_key;
}

TEST_F(LocalClientTest, NoOtherFailureOfTheDiskIsADenial) {
  for (const int error_number : {ENOENT, EACCES, EIO, ENOSPC, EINVAL, ESTALE, EMFILE}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      kms_.files_.set_fault({.at = n,
                             .error_number = error_number,
                             .counts = io::Fault::Counts::everything,
                             .path_part = {}});
      const auto probed = kms_.probe();
      fired = kms_.files_.fired();
      const std::string operation = kms_.files_.first_failure();
      const bool denial = !probed && is_denial(probed.error().fault());
      EXPECT_EQ(denial, fired && may_be_a_denial(operation, error_number))
          << operation << ", errno " << error_number;
      EXPECT_EQ(probed.has_value(), !fired || operation.starts_with("close")) << operation;
    }
  }
}

TEST_F(LocalClientTest, DamagedKeyFileIsNeitherADenialNorAnOutage) {
  const ByteVector good = kms_.memory_.raw("/kms/keys/orders").value();
  for (std::uint64_t bit = 0; bit < good.size() * 8; ++bit) {
    ASSERT_TRUE(kms_.memory_.flip_bit("/kms/keys/orders", bit).has_value());
    const auto probed = kms_.probe();
    ASSERT_FALSE(probed.has_value()) << bit;
    EXPECT_FALSE(is_denial(probed.error().fault())) << bit << probed.error().message();
    EXPECT_FALSE(is_outage(probed.error().fault())) << bit << probed.error().message();
    ASSERT_TRUE(kms_.memory_.flip_bit("/kms/keys/orders", bit).has_value());
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{40}, kMaxKeyFileSizeBytes + 1}) {
    ByteVector content = good;
    content.resize(size);
    ASSERT_TRUE(kms_.memory_.set_raw("/kms/keys/orders", content).has_value());
    expect_fault(Fault::malformed, "damaged key file");
  }
}

TEST_F(LocalClientTest, RefusalToReadMarkerOrKeyIsADenial) {
  for (const char* path : {"/kms/keys/orders", "/kms/keyhold-kms"}) {
    fail_on(path, EACCES);
    expect_fault(Fault::denied, path);
  }
  kms_.files_.set_fault({});
  expect_fine();
}

TEST_F(LocalClientTest, AnyOtherFailureOfTheDiskIsAnOutage) {
  for (const char* path : {"/kms/keys/orders", "/kms/keyhold-kms", "/kms/lock", "/kms/gate"}) {
    fail_on(path, EIO);
    expect_fault(Fault::unavailable, path);
  }
  // Gone or refused after the marker was read: the medium was pulled.
  for (const char* path : {"/kms/lock", "/kms/gate"}) {
    for (const int error_number : {EACCES, ENOENT, ENOTDIR, EINVAL, EROFS}) {
      fail_on(path, error_number);
      expect_fault(Fault::unavailable, path);
    }
  }
}

TEST_F(LocalClientTest, NoAnswerWithoutItsLogEntry) {
  for (const int error_number : {EROFS, ENOSPC, EIO}) {
    fail_on("/kms/access.log", error_number);
    expect_fault(Fault::unavailable, "the access log cannot be written");
  }
}

TEST_F(LocalClientTest, RefusalIsGivenWithoutItsLogEntryToo) {
  ASSERT_TRUE(kms_.admin_.disable("orders").has_value());
  fail_on("/kms/access.log", ENOSPC);
  expect_fault(Fault::disabled, "key orders is disabled");
}

TEST_F(LocalClientTest, CiphertextOfAnotherKeyAndAnAlteredOneAreToldApart) {
  ASSERT_TRUE(kms_.admin_.create_key("billing").has_value());
  const auto other = client_for(kms_.files_, kms_.clock_, "billing");
  const auto foreign = other->probe(kms_.ciphertext_, {}, kms_.soon());
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().message().find("wrapped by another key: "), 0U);
  kms_.ciphertext_.back() ^= 1U;
  expect_fault(Fault::malformed, "wrapped key or context was altered");
}

TEST_F(LocalClientTest, VersionThatTheKeyDoesNotHaveIsMalformed) {
  kms_.ciphertext_[24] = 9;
  expect_fault(Fault::malformed, "wrapped by version 9, which this key does not have");
}

TEST_F(LocalClientTest, EveryRequestIsInTheLogWithItsOutcome) {
  WrapContext context;
  context.org = OrgId("acme");
  const auto wrong = kms_.client_->unwrap(kms_.ciphertext_, context, kms_.soon());
  ASSERT_FALSE(wrong.has_value());
  ASSERT_TRUE(kms_.client_->describe(kms_.soon()).has_value());
  const std::string request_id = kms_.probe().value();
  const auto log = kms_.admin_.log().value();
  ASSERT_EQ(log.size(), 5U);  // create, wrap, and these three
  EXPECT_EQ(log[0].operation, "create");
  EXPECT_EQ(log[1].operation, "wrap");
  EXPECT_EQ(log[1].version, 1U);
  EXPECT_EQ(log[2].operation, "unwrap");
  EXPECT_EQ(log[2].outcome, "malformed");
  EXPECT_EQ(log[2].request_id, wrong.error().request_id());
  EXPECT_EQ(log[2].context.at("org"), "acme");
  EXPECT_EQ(log[3].operation, "describe");
  EXPECT_TRUE(log[3].context.empty());
  EXPECT_EQ(log[4].operation, "probe");
  EXPECT_EQ(log[4].outcome, "ok");
  EXPECT_EQ(log[4].key, "orders");
  EXPECT_EQ(log[4].version, 1U);
  EXPECT_EQ(log[4].request_id, request_id);
  EXPECT_EQ(log[4].pid, ::getpid());
  EXPECT_EQ(log[4].time, kms_.clock_.wall_now());
}

TEST_F(LocalClientTest, FirstRequestAfterTheDeletionDateWipesTheMaterial) {
  const ByteVector before = kms_.memory_.raw("/kms/keys/orders").value();
  const ByteView material = ByteView(before).subspan(kKeyFileHeaderSizeBytes + 16, 32);
  ASSERT_TRUE(kms_.admin_.schedule_deletion("orders", 7).has_value());
  expect_fault(Fault::disabled, "key orders is pending deletion on 2023-11-21T22:13:20.000Z");
  kms_.clock_.advance(std::chrono::days(7));
  expect_fault(Fault::not_found, "key orders is pending deletion on");
  const ByteVector after = kms_.memory_.raw("/kms/keys/orders").value();
  EXPECT_EQ(after.size(), kKeyFileHeaderSizeBytes + kChecksumSizeBytes);
  EXPECT_EQ(std::search(after.begin(), after.end(), material.begin(), material.end()), after.end());
  expect_fault(Fault::not_found, "key orders was destroyed on 2023-11-21T22:13:20.000Z");
  EXPECT_EQ(kms_.admin_.log().value().end()[-2].operation, "destroy");
}

// A clock set back does not bring it back.
TEST_F(LocalClientTest, DestroyedKeyStaysDestroyed) {
  ASSERT_TRUE(kms_.admin_.schedule_deletion("orders", 1).has_value());
  kms_.clock_.advance(std::chrono::days(1));
  ASSERT_FALSE(kms_.probe().has_value());
  kms_.clock_.set_wall(WallTime(std::chrono::seconds(1'600'000'000)));
  expect_fault(Fault::not_found, "was destroyed");
}

TEST(LocalClientLock, HeldByAnotherIsAnOutageAtTheDeadline) {
  const ScratchDirectory scratch;
  auto kms = LocalKms::init(scratch / "kms").value();
  ASSERT_TRUE(kms.create_key("orders").has_value());
  KeySpec spec;
  spec.type = KeyType::local;
  spec.uri = kms.uri("orders");
  const auto client = make_client(spec, {}, system_clock(), crypto::system_random()).value();
  for (const char* name : {"lock", "gate", "access.log.lock"}) {
    const auto lock = io::posix_file_system().lock(kms.directory() + "/" + name, false).value();
    const Deadline deadline = Deadline::after(system_clock(), std::chrono::milliseconds(30));
    const auto described = client->describe(deadline);
    ASSERT_FALSE(described.has_value()) << name;
    EXPECT_EQ(described.error().fault(), Fault::unavailable);
    EXPECT_NE(described.error().message().find("is locked by another process"), std::string::npos);
    EXPECT_TRUE(deadline.expired(system_clock()));
  }
}

}  // namespace
}  // namespace keyhold::kms::local
