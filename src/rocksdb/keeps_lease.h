// A seam for the linker, and no setting: the plugin is linked with keeps_lease.cc, the library that
// measures what a lease costs (bench/no_lease.cc) with a definition of its own.
#pragma once

namespace keyhold::rocks {

extern const bool kKeepsLease;

}  // namespace keyhold::rocks
