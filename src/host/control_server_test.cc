// The socket itself, below any host: hostile, slow and many clients.
#include "host/control_server.h"

#include <condition_variable>
#include <vector>

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/control_client.h"
#include "host/socket_address.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr nanoseconds kSoon = seconds(10);

ControlAnswer hello_answer() {
  return {.reply = format::HelloReply{.store = {},
                                      .current = Generation{5},
                                      .key_id = {},
                                      .valid_ms = 1,
                                      .lease_ms = 6000,
                                      .epoch = 1},
          .dek = {}};
}

// Answers hello at once, get_dek with a key of 0x42, and leaves rotate to the test.
class Fixture : public testing::Test {
 protected:
  void SetUp() override {
    auto& files = io::posix_file_system();
    ASSERT_TRUE(files.make_directory(layout_.root, 0700));
    ASSERT_TRUE(files.make_directory(layout_.directory, 0700));
  }

  void start(nanoseconds patience = kSoon) {
    auto server = ControlServer::start(
        layout_, system_clock(),
        [this](const format::ControlRequest& request, ControlServer::Respond respond) {
          answer(request, std::move(respond));
        },
        patience);
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
  }

  void answer(const format::ControlRequest& request, ControlServer::Respond respond) {
    if (std::holds_alternative<format::RotateRequest>(request)) {
      const std::lock_guard lock(mutex_);
      parked_.push_back(std::move(respond));
      return;
    }
    if (const auto* wanted = std::get_if<format::DekRequest>(&request)) {
      ByteVector pattern(32, 0x42);
      return respond({.reply = format::DekReply{.generation = wanted->generation, .key_id = {}},
                      .dek = [this, pattern](const std::function<void(ByteView)>& use) -> Status {
                        if (sealed_) return fail(Code::sealed, "");
                        use(pattern);
                        return {};
                      }});
    }
    respond(hello_answer());
  }

  std::size_t parked() {
    const std::lock_guard lock(mutex_);
    return parked_.size();
  }

  [[nodiscard]] ControlClient client() const {
    return {.layout = layout_, .clock = system_clock()};
  }
  [[nodiscard]] Result<format::HelloReply> hello() const {
    return expect_reply<format::HelloReply>(
        client().ask(format::HelloRequest{}, Deadline::after(system_clock(), kSoon)));
  }

  // A connection that says `bytes` and no more.
  [[nodiscard]] UniqueFd say(ByteView bytes) const {
    auto socket = connect_to_host(layout_);
    EXPECT_TRUE(socket) << socket.error().message();
    if (!socket) return {};
    EXPECT_EQ(::send(socket->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return *std::move(socket);
  }

  // Everything that comes back until the server hangs up.
  static ByteVector hear(const UniqueFd& socket) {
    ByteVector heard;
    const bool ended = eventually([&] {
      std::array<std::uint8_t, 256> part{};
      const ssize_t got = ::recv(socket.get(), part.data(), part.size(), 0);
      if (got > 0) heard.insert(heard.end(), part.begin(), part.begin() + got);
      return got == 0 || (got < 0 && errno != EAGAIN);
    });
    EXPECT_TRUE(ended) << "the server did not hang up";
    return heard;
  }

  static Code error_in(const ByteVector& heard) {
    const auto envelope = format::parse_control_envelope(ByteView(heard).first(12));
    EXPECT_TRUE(envelope);
    const auto reply = format::parse_control_reply(*envelope, ByteView(heard).subspan(12));
    const auto* error = reply ? std::get_if<format::ErrorReply>(&*reply) : nullptr;
    EXPECT_NE(error, nullptr);
    return error == nullptr ? Code::internal : error->code;
  }

  kms::local::ScratchDirectory scratch_;
  StoreLayout layout_{scratch_ / "store"};
  std::mutex mutex_;
  std::vector<ControlServer::Respond> parked_;
  std::atomic<bool> sealed_ = false;
  std::unique_ptr<ControlServer> server_;
};

using ControlSocket = Fixture;

TEST_F(ControlSocket, AnswersAndCarriesADek) {
  start();
  const auto reply = hello();
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->current, Generation{5});
  const auto dek = client().ask_dek(Generation{3}, Deadline::after(system_clock(), kSoon));
  ASSERT_TRUE(dek) << dek.error().message();
  EXPECT_EQ(dek->generation, Generation{3});
  const ByteView key = dek->key.bytes(crypto::SecretAccess::grant());
  EXPECT_THAT(std::vector<int>(key.begin(), key.end()), testing::Each(0x42));
}

// A seal that comes between the answer and its way out.
TEST_F(ControlSocket, NoDekLeavesAfterASeal) {
  start();
  sealed_ = true;
  const auto dek = client().ask_dek(Generation{7}, Deadline::after(system_clock(), kSoon));
  ASSERT_FALSE(dek);
  EXPECT_EQ(dek.error().code(), Code::sealed);
}

TEST_F(ControlSocket, IsTheOwnersAlone) {
  start();
  struct stat raw {};
  ASSERT_EQ(::stat(layout_.socket.c_str(), &raw), 0);
  EXPECT_TRUE(S_ISSOCK(raw.st_mode));
  EXPECT_EQ(raw.st_mode & 07777U, 0600U);
}

TEST_F(ControlSocket, IsGoneAfterItsHost) {
  start();
  server_.reset();
  EXPECT_EQ(io::exists(io::posix_file_system(), layout_.socket), false);
  EXPECT_EQ(hello().error().code(), Code::not_found);
}

TEST_F(ControlSocket, ReplacesThatOfADeadHost) {
  {
    const auto dead = listen_for_clients(layout_, 1);
    ASSERT_TRUE(dead);
  }
  EXPECT_EQ(io::exists(io::posix_file_system(), layout_.socket), true);
  EXPECT_EQ(hello().error().code(), Code::not_found);
  start();
  EXPECT_TRUE(hello());
}

TEST_F(ControlSocket, WorksBelowAPathLongerThanASocketAddress) {
  std::string root = scratch_.path();
  while (root.size() < 200) {
    root += "/a-directory-with-a-long-name";
    ASSERT_TRUE(io::posix_file_system().make_directory(root, 0700));
  }
  layout_ = StoreLayout(root);
  ASSERT_TRUE(io::posix_file_system().make_directory(layout_.directory, 0700));
  start();
  EXPECT_TRUE(hello());
  server_.reset();
  EXPECT_EQ(io::exists(io::posix_file_system(), layout_.socket), false);
}

TEST_F(ControlSocket, ADamagedEnvelopeGetsAnErrorAndTheServerGoesOn) {
  start();
  const UniqueFd socket = say(ByteVector(12, 0x99));
  EXPECT_EQ(error_in(hear(socket)), Code::integrity);
  EXPECT_TRUE(hello());
}

TEST_F(ControlSocket, AHugeLengthIsRefusedBeforeAnyByteOfItIsTaken) {
  start();
  ByteVector message = format::serialize_control(format::ControlRequest(format::HelloRequest{}));
  store_le<std::uint32_t>(MutableByteView(message).subspan(8), 0xffffffffU);
  const UniqueFd socket = say(message);
  EXPECT_EQ(error_in(hear(socket)), Code::invalid_argument);
  EXPECT_TRUE(hello());
}

TEST_F(ControlSocket, AnotherVersionIsUnsupported) {
  start();
  ByteVector message = format::serialize_control(format::ControlRequest(format::HelloRequest{}));
  message[4] = 9;
  EXPECT_EQ(error_in(hear(say(message))), Code::unsupported);
}

TEST_F(ControlSocket, AMessageInSingleBytesIsUnderstood) {
  start();
  const ByteVector message =
      format::serialize_control(format::ControlRequest(format::DekRequest{Generation{2}}));
  const UniqueFd socket = say(ByteView(message).first(1));
  for (std::size_t i = 1; i < message.size(); ++i) {
    ASSERT_EQ(::send(socket.get(), &message[i], 1, MSG_NOSIGNAL), 1);
  }
  EXPECT_EQ(hear(socket).size(), 12U + 20 + 32);
}

TEST_F(ControlSocket, AClientThatSaysHalfIsDroppedAfterAWhileAndHoldsUpNobody) {
  start(milliseconds(200));
  const UniqueFd slow = say(ByteVector(5, 'K'));
  EXPECT_TRUE(hello());
  EXPECT_TRUE(hear(slow).empty());
}

TEST_F(ControlSocket, AnOrderThatTakesLongHoldsUpNobody) {
  start();
  const UniqueFd order = say(format::serialize_control(
      format::ControlRequest(format::RotateRequest{format::RotateTarget::dek})));
  ASSERT_TRUE(eventually([&] { return parked() == 1; }));
  EXPECT_TRUE(hello());
  parked_[0]({.reply = format::RotateReply{Generation{7}}, .dek = {}});
  const ByteVector heard = hear(order);
  ASSERT_EQ(heard.size(), 16U);
  EXPECT_EQ(heard[12], 7);
}

TEST_F(ControlSocket, AnAnswerToAClientThatLeftGoesNowhere) {
  start();
  {
    const UniqueFd order = say(format::serialize_control(
        format::ControlRequest(format::RotateRequest{format::RotateTarget::dek})));
    ASSERT_TRUE(eventually([&] { return parked() == 1; }));
  }
  parked_[0]({.reply = format::RotateReply{Generation{7}}, .dek = {}});
  EXPECT_TRUE(hello());
}

TEST_F(ControlSocket, AnAnswerAfterTheServersEndGoesNowhere) {
  start();
  const UniqueFd order = say(format::serialize_control(
      format::ControlRequest(format::RotateRequest{format::RotateTarget::dek})));
  ASSERT_TRUE(eventually([&] { return parked() == 1; }));
  server_.reset();
  parked_[0]({.reply = format::RotateReply{Generation{7}}, .dek = {}});
  EXPECT_TRUE(hear(order).empty());
}

TEST_F(ControlSocket, MoreClientsThanPlacesWaitUntilOneIsFree) {
  start(milliseconds(300));
  std::vector<UniqueFd> idle;
  for (std::size_t i = 0; i < ControlServer::kMaxConnections; ++i) idle.push_back(say({}));
  EXPECT_TRUE(hello());  // once the idle ones were dropped
}

// Says hello as another user and returns what came of it, as a process exit status.
int hello_as(uid_t uid, const StoreLayout& layout) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) ::_exit(99);
    const ControlClient client{.layout = layout, .clock = system_clock()};
    const auto reply = client.ask(format::HelloRequest{}, Deadline::after(system_clock(), kSoon));
    ::_exit(reply ? 100 : static_cast<int>(reply.error().code()));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ControlSocket, AnotherUserIsRefusedAndLogged) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root, to become somebody else";
  const LogCapture log;
  start();
  // The modes keep others out already; this is the second lock, for when the first was opened.
  for (const std::string& path : {scratch_.path(), layout_.root, layout_.directory}) {
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  ASSERT_EQ(::chmod(layout_.socket.c_str(), 0666), 0);
  constexpr uid_t kStranger = 12345;
  EXPECT_EQ(hello_as(kStranger, layout_), static_cast<int>(Code::permission));
  EXPECT_THAT(log.text(), HasSubstr("of user 12345"));
  ASSERT_EQ(::chown(layout_.directory.c_str(), kStranger, kStranger), 0);
  server_.reset();
  start();
  ASSERT_EQ(::chmod(layout_.socket.c_str(), 0666), 0);
  EXPECT_EQ(hello_as(kStranger, layout_), 100);
}

}  // namespace
}  // namespace keyhold::host
