#include "rocksdb/keeps_lease.h"

namespace keyhold::rocks {

const bool kKeepsLease = true;

}  // namespace keyhold::rocks
