// AWS KMS (API version 2014-11-01, AWS JSON 1.1): the operations behind a request that is
// authenticated already. Each resolves its key, decides over key policy and IAM policies, looks at
// the key's state and only then works.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/bytes.h"
#include "crypto/secret.h"
#include "devcloud/aws/ciphertext.h"
#include "devcloud/aws/error.h"
#include "devcloud/aws/identity.h"
#include "devcloud/aws/state.h"
#include "devcloud/folder.h"
#include "devcloud/sealer.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::aws {

struct KmsCall {
  const Caller& caller;
  const std::string region;
  const std::string operation;
  const nlohmann::json& input;
  const std::shared_ptr<const AwsState> state;  // what the request is judged by
  const WallTime now;
  bool wrong_key = false;  // the fault panel: a decryption gives other bytes
};

// Thread-safe.
class Kms {
 public:
  // All of them outlive it.
  Kms(Versions<AwsState>& versions, const Sealer& sealer, const Machine& machine)
      : versions_(&versions), sealer_(&sealer), machine_(machine) {}

  [[nodiscard]] static bool has(std::string_view operation);
  [[nodiscard]] Answer<nlohmann::json> handle(const KmsCall& call) const;
  // The ARN of the key that the request is about, for the fault panel and the log; empty where it
  // is about none or an unknown one.
  [[nodiscard]] static std::string resource_of(const KmsCall& call);

  // A key as KeyMetadata has it.
  [[nodiscard]] static nlohmann::json metadata(const AwsState& state, const Key& key, WallTime now);

 private:
  using Operation = Answer<nlohmann::json> (Kms::*)(const KmsCall&) const;
  static const std::map<std::string, Operation, std::less<>>& operations();

  struct Opened {  // a ciphertext, its key found and allowed
    const Key* key;
    std::string material_id;
    ByteVector plaintext;
  };

  // kms_crypto.cc
  Answer<nlohmann::json> encrypt_op(const KmsCall& call) const;
  Answer<nlohmann::json> decrypt_op(const KmsCall& call) const;
  Answer<nlohmann::json> re_encrypt(const KmsCall& call) const;
  Answer<nlohmann::json> generate_data_key(const KmsCall& call) const;
  Answer<nlohmann::json> generate_without_plaintext(const KmsCall& call) const;
  Answer<nlohmann::json> make_data_key(const KmsCall& call, bool with_plaintext) const;
  Answer<Opened> open(const KmsCall& call, const char* key_name, const char* context_name,
                      const std::string& action) const;
  Answer<std::pair<ByteVector, std::string>> close(const Key& key, const AwsState& state,
                                                   ByteView plaintext,
                                                   const EncryptionContext& context) const;
  // kms_keys.cc
  Answer<nlohmann::json> create_key(const KmsCall& call) const;
  Answer<nlohmann::json> replicate_key(const KmsCall& call) const;
  Answer<nlohmann::json> describe_key(const KmsCall& call) const;
  Answer<nlohmann::json> list_keys(const KmsCall& call) const;
  Answer<nlohmann::json> enable_key(const KmsCall& call) const;
  Answer<nlohmann::json> disable_key(const KmsCall& call) const;
  Answer<nlohmann::json> schedule_key_deletion(const KmsCall& call) const;
  Answer<nlohmann::json> cancel_key_deletion(const KmsCall& call) const;
  Answer<nlohmann::json> rotate_key_on_demand(const KmsCall& call) const;
  // kms_policies.cc
  Answer<nlohmann::json> put_key_policy(const KmsCall& call) const;
  Answer<nlohmann::json> get_key_policy(const KmsCall& call) const;
  Answer<nlohmann::json> create_alias(const KmsCall& call) const;
  Answer<nlohmann::json> update_alias(const KmsCall& call) const;
  Answer<nlohmann::json> delete_alias(const KmsCall& call) const;
  Answer<nlohmann::json> list_aliases(const KmsCall& call) const;
  // kms_import.cc
  Answer<nlohmann::json> get_parameters_for_import(const KmsCall& call) const;
  Answer<nlohmann::json> import_key_material(const KmsCall& call) const;
  Answer<nlohmann::json> delete_imported_key_material(const KmsCall& call) const;

  // One change of one key, after its permission.
  Answer<Key> change_key(const KmsCall& call, const std::string& action,
                         const std::function<Answer<void>(AwsState&, Key&)>& edit) const;
  // A change of the state with AWS's refusals inside.
  Answer<void> change(const std::function<Answer<void>(AwsState&)>& edit) const;
  [[nodiscard]] Result<Material> new_material(WallTime now) const;
  [[nodiscard]] std::string new_key_id(bool multi_region) const;

  Versions<AwsState>* versions_;
  const Sealer* sealer_;
  Machine machine_;
};

inline constexpr std::string_view kMaterialPurpose = "aws kms key material";

// A key's state as it is now: imported material may have come to its end.
KeyState state_at(const Key& key, WallTime now);
std::string_view name_of(KeyState state);
// DisabledException, KMSInvalidStateException; nothing where the key can be used.
Answer<void> check_usable(const Key& key, WallTime now);

// Whether a KeyId may be an alias; most operations that change a key take none.
enum class Naming : std::uint8_t { key_only, key_or_alias };
// A key by id, ARN, alias or alias ARN, as a caller of `account` in `region` names it.
Answer<const Key*> find_key(const AwsState& state, const std::string& account,
                            const std::string& region, const std::string& name, Naming naming,
                            WallTime now);
// Decides over the key's policy and the caller's; `context` may be empty.
Answer<void> check_allowed(const KmsCall& call, const Key& key, const std::string& action,
                           const EncryptionContext& context);
// An action that is about no key.
Answer<void> check_allowed_anywhere(const KmsCall& call, const std::string& action);
// Both in one: the KeyId of the input.
Answer<const Key*> allowed_key(const KmsCall& call, const std::string& action, Naming naming,
                               const EncryptionContext& context = {});

// Members of the input, or ValidationException.
Answer<std::string> string_member(const nlohmann::json& input, const char* name);
std::string optional_string(const nlohmann::json& input, const char* name);
Answer<ByteVector> blob_member(const nlohmann::json& input, const char* name,
                               std::size_t max_bytes);
Answer<EncryptionContext> context_member(const nlohmann::json& input, const char* name);

}  // namespace keyhold::devcloud::aws
