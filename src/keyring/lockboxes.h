// Lockboxes: the KEK in and out of the customer's KMS.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "format/keyring.h"
#include "keyring/keyring.h"
#include "kms/client.h"

namespace keyhold::keyring {

kms::KeySpec to_key_spec(const format::KeyringKeySpec& spec);
format::KeyringKeySpec to_record(const kms::KeySpec& spec);

kms::Caller caller_of(const format::KeyringRecord& record);

// What every wrap of this KEK is bound to.
kms::WrapContext wrap_context(const format::KeyringRecord& record, kms::Purpose purpose);

// Wraps the KEK (record.kek) by the client's CMEK, and proves by an unwrap that it comes back.
Result<format::KeyringLockbox> make_lockbox(kms::Client& client, const crypto::Key256& kek,
                                            const format::KeyringRecord& record, WallTime now,
                                            Deadline deadline);

// Unwraps through the client and compares with the KEK's check value.
Result<crypto::Key256> open_lockbox(kms::Client& client, const format::KeyringLockbox& lockbox,
                                    const format::KeyringRecord& record, Deadline deadline);

struct Unlocked {
  crypto::Key256 kek;
  std::vector<std::string> problems;  // of the lockboxes that did not help
};

// Asks every lockbox, each within its share of the time that is left: a disabled CMEK counts while
// another answers.
Result<Unlocked> unlock(const format::KeyringRecord& record, const ClientFactory& clients,
                        DenialRule rule, const Clock& clock, Deadline deadline);

}  // namespace keyhold::keyring
