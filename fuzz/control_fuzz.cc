// The messages of the control socket, as the host and its clients read them from strangers.
#include <algorithm>

#include "format/control.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace format;

// Requests have one form; an error and a status may be longer than what is written.
void parse_both(const ControlEnvelope& envelope, ByteView body) {
  if (const auto request = parse_control_request(envelope, body)) {
    const ByteVector written = serialize_control(*request);
    require(std::ranges::equal(ByteView(written).subspan(kControlEnvelopeSizeBytes), body),
            "a request comes back");
  }
  if (const auto reply = parse_control_reply(envelope, body)) {
    require(
        serialize_control(*reply).size() <= kControlEnvelopeSizeBytes + kMaxControlReplySizeBytes,
        "replies are bounded");
  }
}

}  // namespace

void run(ByteView input) {
  if (input.size() < kControlEnvelopeSizeBytes) return;
  const auto envelope = parse_control_envelope(input.first(kControlEnvelopeSizeBytes));
  if (!envelope) return;
  parse_both(*envelope, input.subspan(kControlEnvelopeSizeBytes));
}

std::vector<ByteVector> seeds() {
  const ControlKeySpec key{
      .type = 6, .uri = "local:///kms/a", .auth_principal = "p", .endpoint = "e", .ca_file = "/c"};
  return {serialize_control(ControlRequest(HelloRequest{})),
          serialize_control(ControlRequest(DekRequest{Generation{3}})),
          serialize_control(ControlRequest(StatusRequest{})),
          serialize_control(ControlRequest(RotateRequest{RotateTarget::kek})),
          serialize_control(ControlRequest(RewrapRequest{})),
          serialize_control(ControlRequest(RewrapRequest{.to_other = true, .key = key})),
          serialize_control(ControlRequest(PolicyRequest{.expected = 1, .text = "[lease]\n"})),
          serialize_control(ControlRequest(ReportRequest{Generation{1}, 4096})),
          serialize_control(ControlReply(HelloReply{{}, Generation{1}, {}, 9, 1})),
          serialize_control(ControlReply(DekReply{Generation{1}, {}})),
          serialize_control(ControlReply(StatusReply{"{}"})),
          serialize_control(ControlReply(RotateReply{Generation{2}})),
          serialize_control(ControlReply(RewrapReply{})),
          serialize_control(ControlReply(ReportReply{})),
          serialize_control(ControlReply(ErrorReply{Code::sealed, "the store is sealed"}))};
}

}  // namespace keyhold::fuzz
