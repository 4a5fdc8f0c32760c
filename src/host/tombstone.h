// The order that keeps a store sealed over restarts: .keyhold/tombstone, one line of text, "CAUSE
// TIME" (local_order or order; RFC 3339, UTC). It needs no key, so that it can be written by a host
// that has none; whoever may write the folder may delete it, and against them only the KMS stands.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "control/lease.h"
#include "host/layout.h"
#include "io/file_system.h"

namespace keyhold::host {

struct Tombstone {
  control::SealCause cause = control::SealCause::local_order;
  WallTime at;
};

// Nothing where there is none. One that cannot be read as such counts as the stronger order: a
// damaged tombstone never unseals.
std::optional<Tombstone> read_tombstone(io::FileSystem& files, const StoreLayout& layout);
// Durable and atomic.
Status write_tombstone(io::FileSystem& files, const StoreLayout& layout,
                       const Tombstone& tombstone);
// Durable; fine where there is none.
Status clear_tombstone(io::FileSystem& files, const StoreLayout& layout);

// For a store that is not opened because of it: Code::sealed, with the way out.
Error sealed_by(const StoreLayout& layout, const Tombstone& tombstone);

}  // namespace keyhold::host
