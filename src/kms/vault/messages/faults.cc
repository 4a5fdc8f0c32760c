#include "kms/vault/messages/faults.h"

#include <algorithm>
#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"

namespace keyhold::kms::vault {
namespace {

constexpr std::size_t kMaxErrors = 8;
constexpr std::size_t kMaxMessageBytes = 400;

// A status and a piece of what Vault says with it. The first row that fits rules; an empty piece
// fits any parsed answer.
struct Row {
  int status;
  std::string_view piece;
  Fault fault;
};

// Every step but the login.
constexpr std::array kOfKey = {
    Row{403, "permission denied", Fault::denied},
    Row{403, "", Fault::ambiguous},  // a gateway in front, a control group
    Row{404, "", Fault::not_found},  // the key, its mount or its namespace
    Row{400, "encryption key not found", Fault::not_found},
    Row{400, "soft-deleted", Fault::disabled},
    Row{400, "disallowed by policy (too old)", Fault::disabled},  // min_decryption_version
    Row{400, "version is too new", Fault::unavailable},           // a replica that is behind
    Row{400, "message authentication failed", Fault::malformed},
    Row{400, "unable to decrypt", Fault::malformed},
    Row{400, "invalid ciphertext", Fault::malformed},
    Row{400, "missing client token", Fault::configuration},
    Row{400, "", Fault::configuration},
    Row{405, "", Fault::configuration},
    Row{429, "", Fault::throttled},
};

constexpr std::array kOfLogin = {
    Row{403, "permission denied", Fault::denied},  // also: no such auth method
    Row{403, "", Fault::ambiguous},
    Row{404, "", Fault::denied},  // the auth method or its namespace is gone
    // Our own credential is out of date, or one of the clocks is wrong.
    Row{400, "expired", Fault::unavailable},
    Row{400, "not yet valid", Fault::unavailable},
    Row{400, "not valid yet", Fault::unavailable},
    // AppRole
    Row{400, "invalid role or secret ID", Fault::denied},
    Row{400, "invalid role ID", Fault::denied},
    Row{400, "invalid secret id", Fault::denied},
    Row{400, "unauthorized by CIDR restrictions", Fault::denied},
    // Kubernetes, JWT
    Row{400, "invalid role name", Fault::denied},
    Row{400, "could not be found", Fault::denied},
    Row{400, "service account name not authorized", Fault::denied},
    Row{400, "namespace not authorized", Fault::denied},
    Row{400, "error validating claims", Fault::denied},
    Row{400, "(aud) claim", Fault::denied},
    Row{400, "(sub) claim", Fault::denied},
    // TLS certificates
    Row{400, "no chain matching all constraints", Fault::denied},
    Row{400, "failed to match all constraints", Fault::denied},
    Row{400, "invalid certificate or no client certificate supplied", Fault::denied},
    Row{400, "", Fault::configuration},
    Row{405, "", Fault::configuration},
    Row{429, "", Fault::throttled},
};

std::string printable(std::string_view text) {
  std::string out = make_utf8(text.substr(0, kMaxMessageBytes));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return out;
}

std::string said(const Refusal& refusal) {
  std::string all;
  for (const std::string& error : refusal.errors) all += (all.empty() ? "" : "; ") + error;
  return printable(all);
}

const char* words_of(Step step) {
  switch (step) {
    case Step::login:
      return "login";
    case Step::read_key:
      return "reading the key";
    case Step::encrypt:
      return "encrypt";
    default:
      return "decrypt";
  }
}

// What a status says without a word of Vault's.
std::string meaning_of(int status) {
  if (status >= 300 && status < 400) return "a redirect: point the endpoint at the active node";
  if (status == 412) return "the node is behind the state that the request needs";
  if (status == 472) return "a disaster recovery secondary answers";
  if (status == 473) return "a performance standby answers";
  if (status == 503) return "sealed or in maintenance";
  return "no answer of Vault's";
}

template <std::size_t kRows>
std::optional<Fault> find_in(const std::array<Row, kRows>& rows, int status,
                             const std::string& text) {
  const auto found = std::ranges::find_if(rows, [&](const Row& row) {
    return row.status == status && text.find(row.piece) != std::string::npos;
  });
  return found == rows.end() ? std::nullopt : std::optional(found->fault);
}

}  // namespace

Refusal parse_refusal(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  const auto errors = json.find("errors");
  if (errors == json.end() || !errors->is_array()) return {};
  Refusal refusal{.parsed = true, .errors = {}};
  for (const auto& error : *errors) {
    if (!error.is_string()) return {};
    if (refusal.errors.size() < kMaxErrors) refusal.errors.push_back(error.get<std::string>());
  }
  return refusal;
}

Error fault_of(Step step, const net::HttpResponse& response) {
  const Refusal refusal = parse_refusal(response.body);
  std::string text = said(refusal);
  std::optional<Fault> fault;
  if (refusal.parsed) {
    fault = step == Step::login ? find_in(kOfLogin, response.status, text)
                                : find_in(kOfKey, response.status, text);
  }
  if (!fault && response.status == 429) fault = Fault::throttled;
  if (text.empty() && fault == Fault::not_found) text = "no such key";
  if (text.empty()) text = meaning_of(response.status);
  return {fault.value_or(Fault::unavailable), "Vault, " + std::string(words_of(step)) + ": " +
                                                  text + " (HTTP " +
                                                  std::to_string(response.status) + ")"};
}

}  // namespace keyhold::kms::vault
