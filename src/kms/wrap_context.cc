#include "kms/wrap_context.h"

#include "base/canonical_json.h"

namespace keyhold::kms {

std::string_view purpose_name(Purpose purpose) {
  return purpose == Purpose::serve ? "serve" : "restore";
}

std::map<std::string, std::string> to_pairs(const WrapContext& context) {
  return {
      {"cluster", context.cluster.str()},
      {"key_id", context.key_id.hex()},
      {"org", context.org.str()},
      {"product", "keyhold"},
      {"purpose", std::string(purpose_name(context.purpose))},
      {"region", context.region.str()},
      {"version", std::to_string(context.version)},
  };
}

std::string to_canonical_json(const WrapContext& context) {
  return canonical_json(to_pairs(context));
}

keyhold::Status check_context(const WrapContext& context) {
  for (const std::string& name : {context.org.str(), context.cluster.str(), context.region.str()}) {
    if (!is_utf8(name)) {
      return fail(Code::invalid_argument,
                  "a wrap context's organization, cluster and region are UTF-8");
    }
  }
  const std::size_t size = to_canonical_json(context).size();
  if (size <= kMaxContextSizeBytes) return {};
  return fail(Code::invalid_argument, "a wrap context has at most " +
                                          std::to_string(kMaxContextSizeBytes) + " bytes, not " +
                                          std::to_string(size));
}

}  // namespace keyhold::kms
