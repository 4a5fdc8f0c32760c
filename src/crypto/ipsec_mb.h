// libipsec-mb as the process has it: the manager, made once, is the library's table of functions
// for this CPU.
#pragma once

#include <intel-ipsec-mb.h>

namespace keyhold::crypto {

// Null where the CPU lacks AES-NI or PCLMULQDQ, or the library's self-test failed. Never freed.
// Thread-safe for its single-buffer functions; the job functions are not.
IMB_MGR* ipsec_mb_manager();

// Whether libipsec-mb is the faster library on this CPU.
bool ipsec_mb_is_faster();

}  // namespace keyhold::crypto
