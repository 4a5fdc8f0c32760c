#include "kms/client.h"

#include "io/file_system.h"
#include "kms/local/client.h"

namespace keyhold::kms {

Result<std::unique_ptr<Client>> make_client(const KeySpec& spec,
                                            [[maybe_unused]] const Caller& caller,
                                            const Clock& clock, crypto::Random& random) {
  if (spec.type == KeyType::local) {
    return LocalClient::create(spec, io::posix_file_system(), clock, random);
  }
  return tl::unexpected(Error(Fault::configuration, "this build has no KMS of type " +
                                                        std::string(key_type_name(spec.type)) +
                                                        "; it has: LOCAL"));
}

}  // namespace keyhold::kms
