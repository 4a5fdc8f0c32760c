// For `scripts/bench lease` only: a host that never asks its KMS again and never seals.
#include "rocksdb/keeps_lease.h"

namespace keyhold::rocks {

const bool kKeepsLease = false;

}  // namespace keyhold::rocks
