// What the exit statuses mean, for help and manual.
#pragma once

#include <array>
#include <string_view>

namespace keyhold::cli {

struct ExitNote {
  int status;
  std::string_view meaning;
};

// By status; base/error.h maps error codes to them.
inline constexpr std::array kExitNotes = {
    ExitNote{0, "done"},
    ExitNote{1, "failed: the operating system, an unsupported format, a bug"},
    ExitNote{2, "usage: an unknown command, option, setting, URI or value"},
    ExitNote{3, "denied: the KMS said no, the key was taken away"},
    ExitNote{4, "KMS unavailable: it did not answer, try again later"},
    ExitNote{5, "integrity: bytes on disk are not what was written, wrong key, or rolled back"},
    ExitNote{6, "not found"},
    ExitNote{7, "conflict or busy: it exists already, or another process holds it"},
};

}  // namespace keyhold::cli
