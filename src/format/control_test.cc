#include "format/control.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "format/test_document.h"

namespace keyhold::format {
namespace {

ControlEnvelope envelope_of(ByteView message) {
  auto envelope = parse_control_envelope(message.first(kControlEnvelopeSizeBytes));
  EXPECT_TRUE(envelope);
  return envelope.value_or(ControlEnvelope{});
}

Result<ControlRequest> read_request(ByteView message) {
  return parse_control_request(envelope_of(message), message.subspan(kControlEnvelopeSizeBytes));
}

Result<ControlReply> read_reply(ByteView message) {
  return parse_control_reply(envelope_of(message), message.subspan(kControlEnvelopeSizeBytes));
}

StoreId example_store() {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return StoreId(bytes);
}

KeyId example_key_id() {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0x10 + i);
  return KeyId(bytes);
}

RewrapRequest example_rewrap() {
  return {
      .to_other = true,
      .key = {
          .type = 6, .uri = "local:///k/b", .auth_principal = "", .endpoint = "", .ca_file = ""}};
}

TEST(ControlFormat, TheDocumentsExamplesAreWhatIsWritten) {
  auto blocks = hex_blocks(std::string(KEYHOLD_DOCS_DIR) + "/formats/control-socket.md");
  const auto request = [](ControlRequest message) { return to_hex(serialize_control(message)); };
  const auto reply = [](ControlReply message) { return to_hex(serialize_control(message)); };
  EXPECT_EQ(request(DekRequest{Generation{3}}), to_hex(blocks["get_dek"]));
  EXPECT_EQ(reply(DekReply{.generation = Generation{3}, .key_id = example_key_id()}),
            to_hex(blocks["dek"]));
  EXPECT_EQ(reply(HelloReply{.store = example_store(),
                             .current = Generation{2},
                             .key_id = example_key_id(),
                             .valid_ms = 1000,
                             .lease_ms = 6000,
                             .epoch = 1}),
            to_hex(blocks["hello"]));
  EXPECT_EQ(reply(ErrorReply{Code::sealed, "no"}), to_hex(blocks["error"]));
  EXPECT_EQ(request(example_rewrap()), to_hex(blocks["rewrap"]));
}

TEST(ControlFormat, EveryRequestReadsAsItWasWritten) {
  const auto dek = read_request(serialize_control(ControlRequest(DekRequest{Generation{9}})));
  ASSERT_TRUE(dek);
  EXPECT_EQ(std::get<DekRequest>(*dek).generation, Generation{9});

  const auto rotate =
      read_request(serialize_control(ControlRequest(RotateRequest{RotateTarget::kek})));
  ASSERT_TRUE(rotate);
  EXPECT_EQ(std::get<RotateRequest>(*rotate).target, RotateTarget::kek);

  const auto rewrap = read_request(serialize_control(ControlRequest(example_rewrap())));
  ASSERT_TRUE(rewrap);
  EXPECT_TRUE(std::get<RewrapRequest>(*rewrap).to_other);
  EXPECT_EQ(std::get<RewrapRequest>(*rewrap).key, example_rewrap().key);

  const auto same = read_request(serialize_control(ControlRequest(RewrapRequest{})));
  ASSERT_TRUE(same);
  EXPECT_FALSE(std::get<RewrapRequest>(*same).to_other);

  const auto report =
      read_request(serialize_control(ControlRequest(ReportRequest{Generation{4}, 1ULL << 40})));
  ASSERT_TRUE(report);
  EXPECT_EQ(std::get<ReportRequest>(*report).generation, Generation{4});
  EXPECT_EQ(std::get<ReportRequest>(*report).sealed_bytes, 1ULL << 40);

  EXPECT_TRUE(std::holds_alternative<HelloRequest>(
      read_request(serialize_control(ControlRequest(HelloRequest{}))).value()));
  EXPECT_TRUE(std::holds_alternative<StatusRequest>(
      read_request(serialize_control(ControlRequest(StatusRequest{}))).value()));
  EXPECT_TRUE(std::holds_alternative<WatchRequest>(
      read_request(serialize_control(ControlRequest(WatchRequest{}))).value()));
  EXPECT_TRUE(std::holds_alternative<SealRequest>(
      read_request(serialize_control(ControlRequest(SealRequest{}))).value()));
  EXPECT_TRUE(std::holds_alternative<UnsealRequest>(
      read_request(serialize_control(ControlRequest(UnsealRequest{}))).value()));

  const PolicyRequest sent{.expected = 3, .text = std::string(kMaxPolicySizeBytes, '#')};
  const auto policy = read_request(serialize_control(ControlRequest(sent)));
  ASSERT_TRUE(policy);
  EXPECT_EQ(std::get<PolicyRequest>(*policy).expected, 3U);
  EXPECT_EQ(std::get<PolicyRequest>(*policy).text, sent.text);
}

TEST(ControlFormat, WhatIsSaidOfFilesReadsAsItWasWritten) {
  const auto reencrypt =
      read_request(serialize_control(ControlRequest(ReencryptRequest{true, 1ULL << 33})));
  ASSERT_TRUE(reencrypt);
  EXPECT_TRUE(std::get<ReencryptRequest>(*reencrypt).rotate_first);
  EXPECT_EQ(std::get<ReencryptRequest>(*reencrypt).bytes_per_second, 1ULL << 33);

  const FilesRequest said{
      .process = 7,
      .pid = 8,
      .current = Generation{3},
      .clean = Generation{2},
      .open =
          {{.device = 1, .inode = 2, .oldest = Generation{1}, .bytes = 1ULL << 40, .written = true},
           {}},
      .problem = "no space"};
  const auto files = read_request(serialize_control(ControlRequest(said)));
  ASSERT_TRUE(files);
  EXPECT_EQ(std::get<FilesRequest>(*files), said);
  ByteVector message = serialize_control(ControlRequest(said));
  message.back() ^= 1;
  EXPECT_TRUE(read_request(message)) << "a text takes any byte";
  message[kControlEnvelopeSizeBytes + 22 + 28] = 2;
  EXPECT_EQ(read_request(message).error().code(), Code::integrity) << "a flag is 0 or 1";

  EXPECT_TRUE(std::holds_alternative<CoverageRequest>(
      read_request(serialize_control(ControlRequest(CoverageRequest{}))).value()));
  EXPECT_TRUE(std::holds_alternative<ShredRequest>(
      read_request(serialize_control(ControlRequest(ShredRequest{}))).value()));

  const auto target = read_reply(serialize_control(ControlReply(ReencryptReply{Generation{4}})));
  ASSERT_TRUE(target);
  EXPECT_EQ(std::get<ReencryptReply>(*target).target, Generation{4});
  const auto coverage = read_reply(serialize_control(ControlReply(CoverageReply{"{}"})));
  ASSERT_TRUE(coverage);
  EXPECT_EQ(std::get<CoverageReply>(*coverage).json, "{}");
  const auto shred = read_reply(serialize_control(ControlReply(ShredReply{2, Generation{3}, 5})));
  ASSERT_TRUE(shred);
  EXPECT_EQ(std::get<ShredReply>(*shred).generations, 2U);
  EXPECT_EQ(std::get<ShredReply>(*shred).oldest_kept, Generation{3});
  EXPECT_EQ(std::get<ShredReply>(*shred).kek_version, 5U);
  const auto wish = read_reply(serialize_control(ControlReply(FilesReply{Generation{3}, 99})));
  ASSERT_TRUE(wish);
  EXPECT_EQ(std::get<FilesReply>(*wish).target, Generation{3});
  EXPECT_EQ(std::get<FilesReply>(*wish).bytes_per_second, 99U);
}

TEST(ControlFormat, EveryReplyReadsAsItWasWritten) {
  const auto hello =
      read_reply(serialize_control(ControlReply(HelloReply{.store = example_store(),
                                                           .current = Generation{2},
                                                           .key_id = example_key_id(),
                                                           .valid_ms = 5,
                                                           .lease_ms = 6,
                                                           .epoch = 7})));
  ASSERT_TRUE(hello);
  EXPECT_EQ(std::get<HelloReply>(*hello).store, example_store());
  EXPECT_EQ(std::get<HelloReply>(*hello).valid_ms, 5U);
  EXPECT_EQ(std::get<HelloReply>(*hello).lease_ms, 6U);
  EXPECT_EQ(std::get<HelloReply>(*hello).epoch, 7U);
  EXPECT_EQ(std::get<HelloReply>(*hello).key_id, example_key_id());

  const auto status = read_reply(serialize_control(ControlReply(StatusReply{"{\"pid\":1}"})));
  ASSERT_TRUE(status);
  EXPECT_EQ(std::get<StatusReply>(*status).json, "{\"pid\":1}");

  const auto rotate = read_reply(serialize_control(ControlReply(RotateReply{Generation{8}})));
  ASSERT_TRUE(rotate);
  EXPECT_EQ(std::get<RotateReply>(*rotate).generation, Generation{8});

  EXPECT_TRUE(std::holds_alternative<RewrapReply>(
      read_reply(serialize_control(ControlReply(RewrapReply{}))).value()));
  EXPECT_TRUE(std::holds_alternative<ReportReply>(
      read_reply(serialize_control(ControlReply(ReportReply{}))).value()));
  EXPECT_TRUE(std::holds_alternative<SealReply>(
      read_reply(serialize_control(ControlReply(SealReply{}))).value()));
  EXPECT_TRUE(std::holds_alternative<UnsealReply>(
      read_reply(serialize_control(ControlReply(UnsealReply{}))).value()));
  const auto policy = read_reply(serialize_control(ControlReply(PolicyReply{4})));
  ASSERT_TRUE(policy);
  EXPECT_EQ(std::get<PolicyReply>(*policy).version, 4U);
}

TEST(ControlFormat, EveryCodeCrossesTheWireUnderANumberOfItsOwn) {
  std::set<std::uint8_t> numbers;
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    const ErrorReply sent{static_cast<Code>(i), "why"};
    const ByteVector message = serialize_control(ControlReply(sent));
    numbers.insert(message[kControlEnvelopeSizeBytes]);
    const auto reply = read_reply(message);
    ASSERT_TRUE(reply);
    EXPECT_EQ(std::get<ErrorReply>(*reply).code, sent.code);
    EXPECT_EQ(std::get<ErrorReply>(*reply).message, "why");
  }
  EXPECT_EQ(numbers.size(), static_cast<std::size_t>(Code::internal) + 1);
  EXPECT_EQ(*numbers.begin(), 1);
}

TEST(ControlFormat, ALongErrorMessageIsCut) {
  const auto reply =
      read_reply(serialize_control(ControlReply(ErrorReply{Code::io, std::string(100'000, 'x')})));
  ASSERT_TRUE(reply);
  EXPECT_EQ(std::get<ErrorReply>(*reply).message.size(), kMaxControlErrorSizeBytes);
}

TEST(ControlFormat, WrongMagicOrReservedBytesAreNoEnvelope) {
  const ByteVector good = serialize_control(ControlRequest(HelloRequest{}));
  for (const std::size_t at : {0U, 1U, 2U, 3U, 6U, 7U}) {
    ByteVector bad = good;
    bad[at] ^= 1;
    EXPECT_EQ(parse_control_envelope(bad).error().code(), Code::integrity) << at;
  }
  EXPECT_EQ(parse_control_envelope(ByteView(good).first(11)).error().code(), Code::integrity);
}

TEST(ControlFormat, AnotherVersionOrTypeIsUnsupported) {
  EXPECT_EQ(parse_control_request({.version = 2, .type = 1}, {}).error().code(), Code::unsupported);
  EXPECT_EQ(parse_control_request({.version = 1, .type = 77}, {}).error().code(),
            Code::unsupported);
  // A reply is no request, nor the other way round.
  EXPECT_EQ(parse_control_request({.version = 1, .type = 0x81}, {}).error().code(),
            Code::unsupported);
  EXPECT_EQ(parse_control_reply({.version = 1, .type = 1}, {}).error().code(), Code::unsupported);
}

TEST(ControlFormat, ABodyCutOrExtendedByAByteIsRefused) {
  const std::vector<ControlRequest> requests = {HelloRequest{},   DekRequest{Generation{1}},
                                                StatusRequest{},  RotateRequest{RotateTarget::dek},
                                                example_rewrap(), ReportRequest{Generation{1}, 5},
                                                WatchRequest{},   SealRequest{},
                                                UnsealRequest{},  PolicyRequest{1, "x"}};
  for (const ControlRequest& request : requests) {
    ByteVector message = serialize_control(request);
    const ControlEnvelope envelope = envelope_of(message);
    for (std::size_t size = kControlEnvelopeSizeBytes; size < message.size(); ++size) {
      const ByteView cut = ByteView(message).first(size).subspan(kControlEnvelopeSizeBytes);
      EXPECT_FALSE(parse_control_request(envelope, cut)) << request.index() << " at " << size;
    }
    message.push_back(0);
    EXPECT_FALSE(
        parse_control_request(envelope, ByteView(message).subspan(kControlEnvelopeSizeBytes)))
        << request.index();
  }
}

TEST(ControlFormat, ValuesOutsideTheirRangeAreRefused) {
  const ByteVector rotate_nothing = {3};
  EXPECT_EQ(parse_control_request({.type = 4}, rotate_nothing).error().code(), Code::integrity);
  const ByteVector odd_flag = {2};
  EXPECT_EQ(parse_control_request({.type = 5}, odd_flag).error().code(), Code::integrity);
}

TEST(ControlFormat, AKeySpecBeyondItsBoundIsRefusedBeforeItIsSent) {
  ControlKeySpec key = example_rewrap().key;
  EXPECT_TRUE(check_control_key(key));
  key.ca_file = std::string(kMaxControlTextSizeBytes + 1, 'c');
  EXPECT_EQ(check_control_key(key).error().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace keyhold::format
