// Which instance of this process's memory is running: a fork and the clone of a virtual machine
// make another one, which must not go on with the nonces of the first (invariant I2).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace keyhold::crypto {

// Another one in a forked child than in its parent, and than in every process before it. Two atomic
// loads; no system call. Noticed by: a page that the kernel wipes in a child (MADV_WIPEONFORK).
std::uint64_t process_instance();

// Changes when process_instance() does, and when notify_cloned() was called.
std::uint64_t memory_instance();

// The machine was cloned or resumed from a snapshot: every open handle takes a new subkey before
// its next seal.
void notify_cloned();

// Listens for the kernel's NEW_VMGENID uevent (netlink) in a thread and calls notify_cloned(). The
// window: from the resume until the kernel has delivered the event and the thread has run. One per
// process; a second call does nothing. Returns false where the kernel gives no such socket.
bool start_clone_listener();

// Whether a datagram of the kernel's uevent socket ("ACTION@PATH", then NUL-ended NAME=VALUE pairs)
// says that the machine has a new generation id.
bool is_clone_event(ByteView datagram);

}  // namespace keyhold::crypto
