#include "format/control_files.h"

#include <cassert>

#include "format/byte_reader.h"
#include "format/byte_writer.h"

namespace keyhold::format {
namespace {

bool read_flag(ByteReader& reader) {
  const std::uint8_t flag = reader.u8();
  if (flag > 1) reader.fail();
  return flag == 1;
}

}  // namespace

ByteVector body_of(const ReencryptRequest& request) {
  ByteWriter body;
  body.u8(request.rotate_first ? 1 : 0);
  body.u64(request.bytes_per_second);
  return body.take();
}

void read_body(ByteReader& reader, ReencryptRequest& request) {
  request.rotate_first = read_flag(reader);
  request.bytes_per_second = reader.u64();
}

ByteVector body_of(const ReencryptReply& reply) {
  ByteWriter body;
  body.u32(number(reply.target));
  return body.take();
}

void read_body(ByteReader& reader, ReencryptReply& reply) {
  reply.target = Generation{reader.u32()};
}

ByteVector body_of(const ShredReply& reply) {
  ByteWriter body;
  body.u32(reply.generations);
  body.u32(number(reply.oldest_kept));
  body.u32(reply.kek_version);
  return body.take();
}

void read_body(ByteReader& reader, ShredReply& reply) {
  reply.generations = reader.u32();
  reply.oldest_kept = Generation{reader.u32()};
  reply.kek_version = reader.u32();
}

ByteVector body_of(const FilesRequest& request) {
  assert(request.open.size() <= kMaxFilesOpen && request.problem.size() <= kMaxFilesProblemBytes);
  ByteWriter body;
  body.u64(request.process);
  body.u32(request.pid);
  body.u32(number(request.current));
  body.u32(number(request.clean));
  body.u16(static_cast<std::uint16_t>(request.open.size()));
  for (const FilesRequest::Open& open : request.open) {
    body.u64(open.device);
    body.u64(open.inode);
    body.u32(number(open.oldest));
    body.u64(open.bytes);
    body.u8(open.written ? 1 : 0);
  }
  body.text(request.problem);
  return body.take();
}

void read_body(ByteReader& reader, FilesRequest& request) {
  request.process = reader.u64();
  request.pid = reader.u32();
  request.current = Generation{reader.u32()};
  request.clean = Generation{reader.u32()};
  const std::size_t count = reader.u16();
  for (std::size_t i = 0; i < count && i < kMaxFilesOpen; ++i) {
    FilesRequest::Open open;
    open.device = reader.u64();
    open.inode = reader.u64();
    open.oldest = Generation{reader.u32()};
    open.bytes = reader.u64();
    open.written = read_flag(reader);
    request.open.push_back(open);
  }
  request.problem = reader.text(kMaxFilesProblemBytes);
}

ByteVector body_of(const FilesReply& reply) {
  ByteWriter body;
  body.u32(number(reply.target));
  body.u64(reply.bytes_per_second);
  return body.take();
}

void read_body(ByteReader& reader, FilesReply& reply) {
  reply.target = Generation{reader.u32()};
  reply.bytes_per_second = reader.u64();
}

}  // namespace keyhold::format
