#include "cli/missing_key.h"

#include "base/clock.h"
#include "crypto/random.h"
#include "kms/client.h"
#include "kms/local/uri.h"

namespace keyhold::cli {

Error explain_refusal(const Error& error, const kms::KeySpec& spec, const kms::Caller& caller,
                      std::chrono::nanoseconds timeout) {
  if (error.code() != Code::denied) return error;
  const auto client = kms::make_client(spec, caller, system_clock(), crypto::system_random());
  if (!client) return error;
  const auto key = (*client)->describe(Deadline::after(system_clock(), timeout));
  if (key || key.error().fault() != kms::Fault::not_found) return error;
  const auto local = kms::local::parse_uri(spec.uri.str());
  std::string message = "no usable key " + spec.uri.str() + ": " + key.error().message();
  if (local) {
    message += "; keyhold kms key list " + local->directory +
               " shows those that there are, keyhold kms key create " + local->directory +
               " NAME makes one";
  }
  return {Code::not_found, message};
}

}  // namespace keyhold::cli
