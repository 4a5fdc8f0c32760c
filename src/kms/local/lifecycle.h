// What a LOCAL key may go through: pure edits of a KeyFile, each refused with Code::busy (a
// conflict) where the key's state does not allow it.
//
//            create
//              │              schedule_deletion
//   disable ┌──▼──────┐ ───────────────────────────►┌──────────────────┐  its date   ┌───────────┐
//        ┌──│ enabled │                             │ pending deletion │────────────►│ destroyed │
//        │  └──▲──────┘                             └──────────────────┘             └───────────┘
//        ▼     │ enable   schedule_deletion           ▲   │
//      ┌──────────┐ ──────────────────────────────────┘   │ cancel_deletion
//      │ disabled │ ◄─────────────────────────────────────┘
//      └──────────┘
// rotate: enabled only. Wrap and unwrap: enabled only.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/random.h"
#include "kms/local/messages/format.h"

namespace keyhold::kms::local {

inline constexpr int kMinDeletionDays = 1;
inline constexpr int kMaxDeletionDays = 365;

keyhold::Result<KeyFile> new_key(crypto::Random& random, WallTime now);

// Both do nothing where the key is in that state already.
Status enable(KeyFile& key);
Status disable(KeyFile& key);
// A new version, primary from now on; at most kMaxKeyVersions (Code::unsupported).
Status rotate(KeyFile& key, crypto::Random& random, WallTime now);
// Code::invalid_argument for a number of days out of range.
Status schedule_deletion(KeyFile& key, int days, WallTime now);
// The key is disabled afterwards: giving it back to its users is a step of its own.
Status cancel_deletion(KeyFile& key);

// Its deletion date has come: nobody may use it any more, whether or not it was wiped yet.
bool deletion_due(const KeyFile& key, WallTime now);
// Wipes the material.
void destroy(KeyFile& key);

// The sentence about a key that is not enabled: "key orders is disabled".
std::string refusal(std::string_view name, const KeyFile& key);

}  // namespace keyhold::kms::local
