#include "devcloud/gcp/enums.h"

#include <span>
#include <utility>

#include <nlohmann/json.hpp>

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;
using Value = std::pair<int, const char*>;

constexpr Value kPurposes[] = {
    {0, ""}, {1, "ENCRYPT_DECRYPT"}, {5, "ASYMMETRIC_SIGN"}, {6, "ASYMMETRIC_DECRYPT"}, {9, "MAC"}};
constexpr Value kStates[] = {
    {0, ""}, {1, "ENABLED"}, {2, "DISABLED"}, {3, "DESTROYED"}, {4, "DESTROY_SCHEDULED"}};
constexpr Value kLevels[] = {{0, ""}, {1, "SOFTWARE"}, {2, "HSM"}, {3, "EXTERNAL"}};
constexpr Value kAlgorithms[] = {{0, ""},
                                 {1, "GOOGLE_SYMMETRIC_ENCRYPTION"},
                                 {2, "RSA_SIGN_PSS_2048_SHA256"},
                                 {5, "RSA_SIGN_PKCS1_2048_SHA256"},
                                 {8, "RSA_DECRYPT_OAEP_2048_SHA256"},
                                 {12, "EC_SIGN_P256_SHA256"},
                                 {13, "EC_SIGN_P384_SHA384"},
                                 {32, "HMAC_SHA256"}};

std::string name_in(const json& object, const char* member, std::span<const Value> values) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  if (!object.is_object() || found == object.end()) return {};
  for (const auto& [number, name] : values) {
    if (found->is_number_integer() && *found == json(number)) return name;
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace

std::string purpose_in(const json& object) {
  return name_in(object, "purpose", kPurposes);
}
std::string version_state_in(const json& object) {
  return name_in(object, "state", kStates);
}
std::string protection_level_in(const json& object) {
  return name_in(object, "protectionLevel", kLevels);
}
std::string algorithm_in(const json& object) {
  return name_in(object, "algorithm", kAlgorithms);
}

}  // namespace keyhold::devcloud::gcp
