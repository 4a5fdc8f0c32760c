// Compute Engine's metadata server (Compute Engine documentation, "About VM metadata"): the
// instance's service account and its tokens. Plain HTTP, as there.
#pragma once

#include "devcloud/gcp/identity.h"
#include "net/http_server.h"

namespace keyhold::devcloud::gcp {

// Thread-safe. 403 without "Metadata-Flavor: Google", and for what a proxy sends on.
net::HttpAnswer metadata_answer(const Identity& identity, const State& state,
                                const net::HttpCall& call);

}  // namespace keyhold::devcloud::gcp
