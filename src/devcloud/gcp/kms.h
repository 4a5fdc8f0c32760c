// Cloud KMS v1 (REST): key rings, keys and their versions, encryption under those for
// ENCRYPT_DECRYPT, IAM policies of rings and keys. Thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/error.h"
#include "devcloud/gcp/names.h"
#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::gcp {

struct KmsCall {
  std::string http;  // "POST"
  std::string path;  // behind "/v1/": a name, and a verb behind ':'
  std::map<std::string, std::string> query;
  const nlohmann::json& body;
  std::string member;  // who asks; empty: the cloud's operator, who may everything
  bool wrong_key = false;
};

class Kms {
 public:
  // Both outlive it.
  Kms(Versions<State>& versions, const Shared& shared) : versions_(&versions), shared_(shared) {}

  // "Encrypt", as Cloud Audit Logs calls it; empty where Cloud KMS has no such method.
  [[nodiscard]] static std::string method_of(const std::string& http, const std::string& path);
  // `state` is what permissions and uses are judged by; changes are made to the newest.
  Answer<nlohmann::json> handle(const KmsCall& call, const State& state) const;
  // Versions whose time has come are destroyed.
  void end_due_versions() const;

 private:
  using Json = nlohmann::json;
  struct Operation;
  static const Operation* find(const std::string& http, const std::string& path);
  Answer<Json> edit(const Operation& operation, const KmsCall& call, const Name& name) const;

  // kms_crypto.cc
  Answer<Json> encrypt(const KmsCall& call, const Name& name, const State& state) const;
  Answer<Json> decrypt(const KmsCall& call, const Name& name, const State& state) const;
  Answer<Json> new_version(const std::string& purpose) const;
  // kms_reads.cc
  Answer<Json> get(const KmsCall& call, const Name& name, const State& state) const;
  Answer<Json> list(const KmsCall& call, const Name& name, const State& state) const;
  Answer<Json> get_policy(const KmsCall& call, const Name& name, const State& state) const;
  Answer<Json> test_permissions(const KmsCall& call, const Name& name, const State& state) const;
  // kms_changes.cc
  Answer<Json> create_ring(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> create_key(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> create_version(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> update_key(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> update_version(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> set_primary(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> destroy(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> restore(const KmsCall& call, const Name& name, State& state) const;
  Answer<Json> set_policy(const KmsCall& call, const Name& name, State& state) const;

  [[nodiscard]] std::int64_t now_ms() const;

  Versions<State>* versions_;
  Shared shared_;
};

// As Cloud KMS writes them; kms_reads.cc.
nlohmann::json version_json(const std::string& name, const nlohmann::json& key,
                            const nlohmann::json& version);
nlohmann::json key_json(const std::string& name, const nlohmann::json& key);
// NOT_FOUND.
Answer<const nlohmann::json*> find_key(const State& state, const Name& name);
Answer<const nlohmann::json*> find_version(const State& state, const Name& name);

}  // namespace keyhold::devcloud::gcp
