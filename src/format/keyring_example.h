// The worked example of docs/formats/keyring.md: a key ring in which every kind of record occurs.
// For tests.
#pragma once

#include <numeric>
#include <string>

#include "format/keyring.h"
#include "format/keyring_anchor.h"

namespace keyhold::format {

// first, first + 1, …
template <std::size_t size>
std::array<std::uint8_t, size> counting_bytes(std::uint8_t first) {
  std::array<std::uint8_t, size> bytes{};
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

// Check values, wrapped keys and MACs are those that the caller computes.
inline KeyringRecord example_keyring() {
  KeyringRecord record;
  record.identity = {.store = StoreId(counting_bytes<16>(0xa0)),
                     .org = "acme",
                     .cluster = "orders",
                     .region = "us-east-1",
                     .node = "n1"};
  record.sequence = 7;
  record.store_epoch = 1;
  record.created = 1'700'000'000;
  record.rotation = {.age_seconds = 2'592'000, .bytes = 0, .next_due = 1'702'592'000};
  record.policy = {.version = 4, .digest = counting_bytes<32>(0xd0)};
  record.kek = {
      .id = KeyId(counting_bytes<16>(0xb0)), .version = 2, .created = 1'700'000'100, .check = {}};
  record.lockboxes.push_back({.kek_version = 2,
                              .spec = {.type = 6,
                                       .uri = "local:///srv/customer-kms/orders",
                                       .auth_principal = "",
                                       .endpoint = "",
                                       .ca_file = ""},
                              .kms_key_version = "3",
                              .algorithm = "AES_256_GCM",
                              .purpose = 1,
                              .created = 1'700'000'100,
                              .request_id = "r-1",
                              .wrapped = {1, 2, 3, 4, 5}});
  record.deks.push_back({.generation = 1,
                         .id = KeyId(counting_bytes<16>(0xc0)),
                         .kek_version = 2,
                         .created = 1'700'000'000,
                         .wrapped = {},
                         .check = {},
                         .sealed_bytes = 4096});
  record.rollbacks.push_back({.at = 1'700'000'200, .anchor_sequence = 6, .accepted_sequence = 5});
  record.unknown.push_back({.type = 32, .value = {0xff, 0xee}});
  return record;
}

}  // namespace keyhold::format
