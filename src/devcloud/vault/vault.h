// The Vault of this cloud: the transit engine, AppRole, tokens and policies under /v1/.
//
// Texts and statuses of its answers are those of OpenBao 2.7, which tests/devcloud compares.
// Vault's namespaces, wrapping of answers, batches, derived and exportable keys are refused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/service.h"
#include "devcloud/vault/error.h"
#include "devcloud/vault/state.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::vault {

struct Call;   // call.h
struct Reply;  // call.h

class Vault final : public Service {
 public:
  // Code::integrity where the saved state is damaged.
  static Result<std::unique_ptr<Service>> open(const Shared& shared);

  [[nodiscard]] std::string_view name() const override { return "vault"; }
  [[nodiscard]] bool takes(const net::HttpCall& call) const override;
  net::HttpAnswer answer(const net::HttpCall& call) override;
  Result<std::string> administer(std::string_view command, std::string_view arguments) override;
  [[nodiscard]] std::map<std::string, std::string> exports(
      const Endpoints& endpoints) const override;

 private:
  // A path below a mount.
  struct Place {
    std::string mount;
    std::vector<std::string> rest;
  };

  Vault(const Shared& shared, VaultState state, Logins logins);

  Answer<Reply> run(const net::HttpCall& http, Call& call, std::optional<Fault>& fault);
  Answer<Reply> route(const Call& call);
  // One as an administrator would send it.
  Answer<Reply> as_root(const std::string& operation, const std::string& path,
                        const nlohmann::json& body);
  bool keep(const net::HttpCall& http, const Call& call, const Answer<Reply>& outcome) const;

  // tokens.cc
  Answer<void> authenticate(Call& call);
  [[nodiscard]] bool permitted(const Call& call) const;
  Answer<Reply> issue(Token token, std::int64_t ttl_s, std::int64_t max_ttl_s);
  Answer<Reply> tokens(const Call& call);
  Answer<Reply> create_token(const Call& call);
  Answer<Reply> lookup(const std::string& text) const;
  Answer<Reply> renew(const std::string& text);
  Answer<void> revoke(const std::string& text);
  [[nodiscard]] std::string root_token() const;
  [[nodiscard]] std::optional<Token> find_token(const std::string& text) const;

  // system.cc
  Answer<Reply> open_path(const Call& call);  // those that need no token
  Answer<Reply> system_path(const Call& call);
  Answer<Reply> mounts(const Call& call, const std::string& path, bool auth);
  Answer<Reply> policies(const Call& call, const std::string& name, const char* member);

  // approle.cc
  Answer<Reply> roles(const Call& call, const Place& place);
  Answer<Reply> one_role(const Call& call, const std::string& key, const std::string& name);
  Answer<Reply> secret_ids(const Call& call, const std::string& key, const Role& role,
                           const std::vector<std::string>& rest);
  Answer<Reply> login(const Call& call, const Place& place);

  // transit.cc
  Answer<Reply> transit(const Call& call, const Place& place);
  Answer<Reply> keys(const Call& call, const Place& place);
  Answer<Reply> create_key(const nlohmann::json& body, const std::string& id,
                           const std::string& name);
  Answer<Reply> change_key(const Call& call, const std::string& id, const std::string& name,
                           const std::string& what);
  Answer<Reply> delete_key(const std::string& id, const std::string& name);
  Answer<Reply> encrypt(const Call& call, const std::string& id);
  Answer<Reply> decrypt(const Call& call, const std::string& id) const;
  [[nodiscard]] Answer<KeyGeneration> new_generation() const;

  // administration.cc
  struct AdminCommand;
  static const std::vector<AdminCommand>& admin_commands();
  // As root; Vault's refusals as errors of ours.
  Result<nlohmann::json> ask(const std::string& operation, const std::string& path);
  Result<nlohmann::json> ask(const std::string& operation, const std::string& path,
                             const nlohmann::json& body);
  // `thing` and `rest` are the path. Code::not_found where there is no such thing.
  Result<nlohmann::json> ask_existing(const std::string& operation, const std::string& thing,
                                      const std::string& rest);
  [[nodiscard]] Result<nlohmann::json> describe_key(const std::string& name) const;
  Result<nlohmann::json> change_key(const std::string& operation, const std::string& name,
                                    const std::string& what, const nlohmann::json& body);
  Result<nlohmann::json> command(std::string_view name, const nlohmann::json& given);
  Result<nlohmann::json> set_up(const nlohmann::json& given);
  Result<nlohmann::json> list_all() const;
  Result<nlohmann::json> unseal();

  Answer<void> change(const std::function<Answer<void>(VaultState&)>& edit);
  Answer<void> change_logins(const std::function<Answer<void>(Logins&)>& edit);
  [[nodiscard]] std::string hidden(std::string_view purpose, std::string_view text) const;
  [[nodiscard]] std::string random_id() const;
  [[nodiscard]] std::int64_t now_s() const;
  [[nodiscard]] static std::optional<Place> under(const std::set<std::string>& mounts,
                                                  std::string_view path);

  Shared shared_;
  Versions<VaultState> versions_;
  Versions<Logins> logins_;
};

// A duration as Vault takes it: a number or "90s", "5m", "1h"; 0 where there is none.
Answer<std::int64_t> seconds_member(const nlohmann::json& body, const char* name);
// A list, or a text with commas.
std::vector<std::string> list_member(const nlohmann::json& body, const char* name);
std::string text_member(const nlohmann::json& body, const char* name);
Answer<int> count_member(const nlohmann::json& body, const char* name);

}  // namespace keyhold::devcloud::vault
