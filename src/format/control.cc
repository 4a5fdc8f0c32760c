#include "format/control.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "format/byte_reader.h"
#include "format/byte_writer.h"

namespace keyhold::format {
namespace {

constexpr std::string_view kMagic = "KHCS";

// On the wire: the numbers never change.
struct WireCode {
  Code code;
  std::uint8_t number;
};
constexpr std::array kWireCodes = {
    WireCode{Code::invalid_argument, 1}, WireCode{Code::not_found, 2},
    WireCode{Code::already_exists, 3},   WireCode{Code::busy, 4},
    WireCode{Code::denied, 5},           WireCode{Code::unavailable, 6},
    WireCode{Code::integrity, 7},        WireCode{Code::wrong_key, 8},
    WireCode{Code::rollback, 9},         WireCode{Code::unsupported, 10},
    WireCode{Code::no_space, 11},        WireCode{Code::permission, 12},
    WireCode{Code::sealed, 13},          WireCode{Code::io, 14},
    WireCode{Code::internal, 15},
};

std::uint8_t wire_number(Code code) {
  const auto* const row = std::ranges::find(kWireCodes, code, &WireCode::code);
  return row == kWireCodes.end() ? std::uint8_t{15} : row->number;
}

// A number of a later version is an error that this one has no name for.
Code code_of(std::uint8_t number) {
  const auto* const row = std::ranges::find(kWireCodes, number, &WireCode::number);
  return row == kWireCodes.end() ? Code::internal : row->code;
}

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::integrity, "control message: " + std::string(what));
}

ByteVector with_envelope(ControlType type, ByteVector body, std::size_t key_bytes = 0) {
  ByteWriter out;
  out.bytes(as_bytes(kMagic));
  out.u8(kControlVersion);
  out.u8(static_cast<std::uint8_t>(type));
  out.u16(0);
  out.u32(static_cast<std::uint32_t>(body.size() + key_bytes));
  out.bytes(body);
  return out.take();
}

ByteVector u32_body(std::uint32_t value) {
  ByteWriter body;
  body.u32(value);
  return body.take();
}

ByteVector json_body(std::string_view text) {
  const ByteView json = as_bytes(text);
  const ByteView kept = json.first(std::min(json.size(), kMaxControlReplySizeBytes));
  return {kept.begin(), kept.end()};
}

struct RequestWriter {
  ByteVector operator()(const HelloRequest&) const { return with_envelope(ControlType::hello, {}); }
  ByteVector operator()(const DekRequest& request) const {
    return with_envelope(ControlType::get_dek, u32_body(number(request.generation)));
  }
  ByteVector operator()(const StatusRequest&) const {
    return with_envelope(ControlType::status, {});
  }
  ByteVector operator()(const RotateRequest& request) const {
    return with_envelope(ControlType::rotate, {static_cast<std::uint8_t>(request.target)});
  }
  ByteVector operator()(const RewrapRequest& request) const {
    ByteWriter body;
    body.u8(request.to_other ? 1 : 0);
    if (request.to_other) {
      assert(check_control_key(request.key));
      body.u8(request.key.type);
      body.text(request.key.uri);
      body.text(request.key.auth_principal);
      body.text(request.key.endpoint);
      body.text(request.key.ca_file);
    }
    return with_envelope(ControlType::rewrap, body.take());
  }
  ByteVector operator()(const ReportRequest& request) const {
    ByteWriter body;
    body.u32(number(request.generation));
    body.u64(request.sealed_bytes);
    return with_envelope(ControlType::report_sealed_bytes, body.take());
  }
  ByteVector operator()(const WatchRequest&) const { return with_envelope(ControlType::watch, {}); }
  ByteVector operator()(const SealRequest&) const { return with_envelope(ControlType::seal, {}); }
  ByteVector operator()(const UnsealRequest&) const {
    return with_envelope(ControlType::unseal, {});
  }
  ByteVector operator()(const PolicyRequest& request) const {
    assert(request.text.size() <= kMaxPolicySizeBytes);
    ByteWriter body;
    body.u64(request.expected);
    body.text(request.text);
    return with_envelope(ControlType::policy, body.take());
  }
  ByteVector operator()(const ReencryptRequest& request) const {
    return with_envelope(ControlType::reencrypt, body_of(request));
  }
  ByteVector operator()(const CoverageRequest&) const {
    return with_envelope(ControlType::coverage, {});
  }
  ByteVector operator()(const ShredRequest&) const { return with_envelope(ControlType::shred, {}); }
  ByteVector operator()(const FilesRequest& request) const {
    return with_envelope(ControlType::files, body_of(request));
  }
};

struct ReplyWriter {
  ByteVector operator()(const HelloReply& reply) const {
    ByteWriter body;
    body.bytes(reply.store.bytes());
    body.u32(number(reply.current));
    body.bytes(reply.key_id.bytes());
    body.u32(reply.valid_ms);
    body.u32(reply.lease_ms);
    body.u64(reply.epoch);
    return with_envelope(ControlType::hello_reply, body.take());
  }
  ByteVector operator()(const DekReply& reply) const {
    ByteWriter body;
    body.u32(number(reply.generation));
    body.bytes(reply.key_id.bytes());
    return with_envelope(ControlType::dek_reply, body.take(), kControlDekSizeBytes);
  }
  ByteVector operator()(const StatusReply& reply) const {
    return with_envelope(ControlType::status_reply, json_body(reply.json));
  }
  ByteVector operator()(const RotateReply& reply) const {
    return with_envelope(ControlType::rotate_reply, u32_body(number(reply.generation)));
  }
  ByteVector operator()(const RewrapReply&) const {
    return with_envelope(ControlType::rewrap_reply, {});
  }
  ByteVector operator()(const ReportReply&) const {
    return with_envelope(ControlType::report_reply, {});
  }
  ByteVector operator()(const SealReply&) const {
    return with_envelope(ControlType::seal_reply, {});
  }
  ByteVector operator()(const UnsealReply&) const {
    return with_envelope(ControlType::unseal_reply, {});
  }
  ByteVector operator()(const PolicyReply& reply) const {
    ByteWriter body;
    body.u64(reply.version);
    return with_envelope(ControlType::policy_reply, body.take());
  }
  ByteVector operator()(const ReencryptReply& reply) const {
    return with_envelope(ControlType::reencrypt_reply, body_of(reply));
  }
  ByteVector operator()(const CoverageReply& reply) const {
    return with_envelope(ControlType::coverage_reply, json_body(reply.json));
  }
  ByteVector operator()(const ShredReply& reply) const {
    return with_envelope(ControlType::shred_reply, body_of(reply));
  }
  ByteVector operator()(const FilesReply& reply) const {
    return with_envelope(ControlType::files_reply, body_of(reply));
  }
  ByteVector operator()(const ErrorReply& reply) const {
    ByteWriter body;
    body.u8(wire_number(reply.code));
    body.text(std::string_view(reply.message).substr(0, kMaxControlErrorSizeBytes));
    return with_envelope(ControlType::error_reply, body.take());
  }
};

// The message, where nothing was missing and nothing is left over.
template <typename Message, typename Variant>
Result<Variant> whole(const ByteReader& reader, Message message) {
  if (!reader.done()) return damaged("the body is too short or too long");
  return Variant(std::move(message));
}

// A body that control_files.h reads.
template <typename Message, typename Variant>
Result<Variant> whole_files(ByteReader& reader) {
  Message message;
  read_body(reader, message);
  return whole<Message, Variant>(reader, std::move(message));
}

Result<ControlRequest> parse_rotate(ByteReader& reader) {
  const std::uint8_t target = reader.u8();
  if (target != 1 && target != 2) return damaged("unknown thing to rotate");
  return whole<RotateRequest, ControlRequest>(reader, {static_cast<RotateTarget>(target)});
}

Result<ControlRequest> parse_rewrap(ByteReader& reader) {
  RewrapRequest request;
  const std::uint8_t to_other = reader.u8();
  if (to_other > 1) return damaged("a flag is neither 0 nor 1");
  request.to_other = to_other == 1;
  if (request.to_other) {
    request.key.type = reader.u8();
    request.key.uri = reader.text(kMaxControlTextSizeBytes);
    request.key.auth_principal = reader.text(kMaxControlTextSizeBytes);
    request.key.endpoint = reader.text(kMaxControlTextSizeBytes);
    request.key.ca_file = reader.text(kMaxControlTextSizeBytes);
  }
  return whole<RewrapRequest, ControlRequest>(reader, std::move(request));
}

Result<ControlReply> parse_hello(ByteReader& reader) {
  HelloReply reply;
  reply.store = reader.id<StoreId>();
  reply.current = Generation{reader.u32()};
  reply.key_id = reader.id<KeyId>();
  reply.valid_ms = reader.u32();
  reply.lease_ms = reader.u32();
  reply.epoch = reader.u64();
  return whole<HelloReply, ControlReply>(reader, reply);
}

Result<ControlReply> parse_error(ByteReader& reader) {
  ErrorReply reply;
  reply.code = code_of(reader.u8());
  reply.message = reader.text(kMaxControlErrorSizeBytes);
  return whole<ErrorReply, ControlReply>(reader, std::move(reply));
}

Status check_version(const ControlEnvelope& envelope) {
  if (envelope.version == kControlVersion) return {};
  return fail(Code::unsupported, "control message of version " + std::to_string(envelope.version) +
                                     "; this Keyhold speaks version " +
                                     std::to_string(kControlVersion));
}

tl::unexpected<Error> unknown_type(const ControlEnvelope& envelope) {
  return fail(Code::unsupported,
              "control message of unknown type " + std::to_string(envelope.type));
}

}  // namespace

Result<ControlEnvelope> parse_control_envelope(ByteView bytes) {
  ByteReader reader(bytes);
  const bool magic = as_text(reader.bytes(kMagic.size())) == kMagic;
  ControlEnvelope envelope;
  envelope.version = reader.u8();
  envelope.type = reader.u8();
  const std::uint16_t reserved = reader.u16();
  envelope.body_size_bytes = reader.u32();
  if (!magic || reserved != 0 || !reader.done()) return damaged("this is no envelope");
  return envelope;
}

ByteVector serialize_control(const ControlRequest& request) {
  return std::visit(RequestWriter{}, request);
}

ByteVector serialize_control(const ControlReply& reply) {
  return std::visit(ReplyWriter{}, reply);
}

Result<ControlRequest> parse_control_request(const ControlEnvelope& envelope, ByteView body) {
  KEYHOLD_TRY(check_version(envelope));
  ByteReader reader(body);
  switch (static_cast<ControlType>(envelope.type)) {
    case ControlType::hello:
      return whole<HelloRequest, ControlRequest>(reader, {});
    case ControlType::get_dek: {
      const Generation generation{reader.u32()};
      return whole<DekRequest, ControlRequest>(reader, {generation});
    }
    case ControlType::status:
      return whole<StatusRequest, ControlRequest>(reader, {});
    case ControlType::rotate:
      return parse_rotate(reader);
    case ControlType::rewrap:
      return parse_rewrap(reader);
    case ControlType::report_sealed_bytes: {
      ReportRequest request;
      request.generation = Generation{reader.u32()};
      request.sealed_bytes = reader.u64();
      return whole<ReportRequest, ControlRequest>(reader, request);
    }
    case ControlType::watch:
      return whole<WatchRequest, ControlRequest>(reader, {});
    case ControlType::seal:
      return whole<SealRequest, ControlRequest>(reader, {});
    case ControlType::unseal:
      return whole<UnsealRequest, ControlRequest>(reader, {});
    case ControlType::policy: {
      PolicyRequest request;
      request.expected = reader.u64();
      request.text = reader.text(kMaxPolicySizeBytes);
      return whole<PolicyRequest, ControlRequest>(reader, std::move(request));
    }
    case ControlType::reencrypt:
      return whole_files<ReencryptRequest, ControlRequest>(reader);
    case ControlType::coverage:
      return whole<CoverageRequest, ControlRequest>(reader, {});
    case ControlType::shred:
      return whole<ShredRequest, ControlRequest>(reader, {});
    case ControlType::files:
      return whole_files<FilesRequest, ControlRequest>(reader);
    default:
      return unknown_type(envelope);
  }
}

Result<ControlReply> parse_control_reply(const ControlEnvelope& envelope, ByteView body) {
  KEYHOLD_TRY(check_version(envelope));
  ByteReader reader(body);
  switch (static_cast<ControlType>(envelope.type)) {
    case ControlType::hello_reply:
      return parse_hello(reader);
    case ControlType::dek_reply: {
      const Generation generation{reader.u32()};
      const KeyId key_id = reader.id<KeyId>();
      return whole<DekReply, ControlReply>(reader, {.generation = generation, .key_id = key_id});
    }
    case ControlType::status_reply:
      return ControlReply(StatusReply{std::string(as_text(body))});
    case ControlType::rotate_reply: {
      const Generation generation{reader.u32()};
      return whole<RotateReply, ControlReply>(reader, {generation});
    }
    case ControlType::rewrap_reply:
      return whole<RewrapReply, ControlReply>(reader, {});
    case ControlType::report_reply:
      return whole<ReportReply, ControlReply>(reader, {});
    case ControlType::seal_reply:
      return whole<SealReply, ControlReply>(reader, {});
    case ControlType::unseal_reply:
      return whole<UnsealReply, ControlReply>(reader, {});
    case ControlType::policy_reply: {
      const std::uint64_t version = reader.u64();
      return whole<PolicyReply, ControlReply>(reader, {version});
    }
    case ControlType::error_reply:
      return parse_error(reader);
    case ControlType::reencrypt_reply:
      return whole_files<ReencryptReply, ControlReply>(reader);
    case ControlType::coverage_reply:
      return ControlReply(CoverageReply{std::string(as_text(body))});
    case ControlType::shred_reply:
      return whole_files<ShredReply, ControlReply>(reader);
    case ControlType::files_reply:
      return whole_files<FilesReply, ControlReply>(reader);
    default:
      return unknown_type(envelope);
  }
}

Status check_control_key(const ControlKeySpec& key) {
  for (const std::string* text : {&key.uri, &key.auth_principal, &key.endpoint, &key.ca_file}) {
    if (text->size() > kMaxControlTextSizeBytes) {
      return fail(Code::invalid_argument, "a text of the key spec is longer than " +
                                              std::to_string(kMaxControlTextSizeBytes) + " bytes");
    }
  }
  return {};
}

}  // namespace keyhold::format
