#include "kms/aws/messages/faults.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "cloud/aws/times.h"

namespace keyhold::kms::aws {
namespace {

constexpr std::size_t kMaxCodeBytes = 128;
constexpr std::size_t kMaxMessageBytes = 600;

// An error code and a piece of what KMS says with it, in lower case. The first row that fits rules;
// a code ending with '*' is the beginning of one, an empty piece fits any message.
struct Row {
  std::string_view code;
  std::string_view piece;
  Fault fault;
};

constexpr std::array kRows = {
    // The customer's word.
    Row{"DisabledException", "", Fault::disabled},
    Row{"KMSInvalidStateException", "pending deletion", Fault::disabled},
    Row{"KMSInvalidStateException", "pendingdeletion", Fault::disabled},
    Row{"KMSInvalidStateException", "pending replica deletion", Fault::disabled},
    Row{"KMSInvalidStateException", "pendingreplicadeletion", Fault::disabled},
    Row{"KMSInvalidStateException", "pending import", Fault::disabled},
    Row{"KMSInvalidStateException", "pendingimport", Fault::disabled},
    Row{"KMSInvalidStateException", "is disabled", Fault::disabled},
    Row{"KMSInvalidStateException", "creating", Fault::unavailable},
    Row{"KMSInvalidStateException", "updating", Fault::unavailable},
    Row{"KMSInvalidStateException", "", Fault::ambiguous},  // custom and external key stores
    Row{"NotFoundException", "invalid arn", Fault::configuration},  // another region's
    Row{"NotFoundException", "", Fault::not_found},
    Row{"AccessDeniedException", "vpc endpoint policy", Fault::ambiguous},
    Row{"AccessDeniedException", "", Fault::denied},
    Row{"AccessDenied", "vpc endpoint policy", Fault::ambiguous},
    Row{"AccessDenied", "", Fault::denied},
    Row{"NotAuthorized", "", Fault::denied},
    // The ciphertext or its context.
    Row{"InvalidCiphertextException", "", Fault::malformed},
    Row{"IncorrectKeyException", "", Fault::malformed},
    // The key, or what was asked of it.
    Row{"InvalidKeyUsageException", "", Fault::configuration},
    Row{"InvalidArnException", "", Fault::configuration},
    Row{"InvalidGrantTokenException", "", Fault::configuration},
    Row{"UnsupportedOperationException", "", Fault::configuration},
    Row{"ValidationException", "ciphertextblob", Fault::malformed},
    Row{"ValidationException", "", Fault::configuration},
    Row{"SerializationException", "", Fault::configuration},
    // Outages.
    Row{"ThrottlingException", "", Fault::throttled},
    Row{"Throttling", "", Fault::throttled},
    Row{"LimitExceededException", "", Fault::throttled},
    Row{"RequestLimitExceeded", "", Fault::throttled},
    Row{"TooManyRequestsException", "", Fault::throttled},
    Row{"KMSInternalException", "", Fault::unavailable},
    Row{"DependencyTimeoutException", "", Fault::unavailable},
    Row{"KeyUnavailableException", "", Fault::unavailable},
    Row{"InternalFailure", "", Fault::unavailable},
    Row{"InternalServerError", "", Fault::unavailable},
    Row{"ServiceUnavailable", "", Fault::unavailable},
    Row{"ServiceUnavailableException", "", Fault::unavailable},
    // What an outage of the customer's hardware and its refusal have in common.
    Row{"CloudHsm*", "", Fault::ambiguous},
    Row{"CustomKeyStore*", "", Fault::ambiguous},
    Row{"Xks*", "", Fault::ambiguous},
    Row{"OptInRequired", "", Fault::ambiguous},
    Row{"SubscriptionRequiredException", "", Fault::ambiguous},
    // Our own credentials and clock.
    Row{"ExpiredTokenException", "", Fault::unavailable},
    Row{"ExpiredToken", "", Fault::unavailable},
    Row{"RequestExpired", "", Fault::unavailable},
    Row{"InvalidSignatureException", "signature expired", Fault::unavailable},
    Row{"InvalidSignatureException", "signature not yet current", Fault::unavailable},
    Row{"InvalidSignatureException", "", Fault::configuration},
    Row{"SignatureDoesNotMatch", "signature expired", Fault::unavailable},
    Row{"SignatureDoesNotMatch", "signature not yet current", Fault::unavailable},
    Row{"SignatureDoesNotMatch", "", Fault::configuration},
    Row{"UnrecognizedClientException", "", Fault::configuration},
    Row{"InvalidClientTokenId", "", Fault::configuration},
    Row{"IncompleteSignature*", "", Fault::configuration},
    Row{"MissingAuthenticationToken*", "", Fault::configuration},
};

constexpr std::array<std::string_view, 5> kCredentialCodes = {
    "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
    "InvalidSignatureException"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out = make_utf8(text.substr(0, limit));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return out;
}

bool fits(const Row& row, std::string_view code, std::string_view message) {
  const bool same = row.code.ends_with('*')
                        ? code.starts_with(row.code.substr(0, row.code.size() - 1))
                        : code == row.code;
  return same && message.find(row.piece) != std::string_view::npos;
}

bool is_skew(const KmsRefusal& refusal) {
  const std::string text = lower(refusal.message);
  return refusal.code == "RequestExpired" || text.starts_with("signature expired") ||
         text.starts_with("signature not yet current");
}

Fault meaning_of(const KmsRefusal& refusal, int status) {
  const std::string message = lower(refusal.message);
  const auto row = std::ranges::find_if(
      kRows, [&](const Row& candidate) { return fits(candidate, refusal.code, message); });
  if (row == kRows.end()) {
    return status >= 400 && status < 500 ? Fault::configuration : Fault::unavailable;
  }
  // Evidence comes with a refusal's status, not with a broken service's.
  const bool broken = status < 400 || status >= 500;
  return broken && is_denial(row->fault) ? Fault::unavailable : row->fault;
}

std::string words_of(const net::HttpResponse& response) {
  if (response.status >= 300 && response.status < 400) return "a redirect, which is not followed";
  if (response.status == 429) return "too many requests";
  return "no answer of AWS KMS's";
}

std::string text_of(const nlohmann::json& object, const char* name, std::size_t limit) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return printable(found->get_ref<const std::string&>(), limit);
}

}  // namespace

KmsRefusal parse_refusal(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  std::string code = text_of(json, "__type", kMaxCodeBytes);
  const std::size_t hash = code.rfind('#');  // com.amazonaws.kms#DisabledException
  if (hash != std::string::npos) code = code.substr(hash + 1);
  if (code.empty()) return {};
  std::string message = text_of(json, "message", kMaxMessageBytes);
  if (message.empty()) message = text_of(json, "Message", kMaxMessageBytes);
  return {.parsed = true, .code = std::move(code), .message = std::move(message)};
}

Error fault_of(const std::string& step, const net::HttpResponse& response, WallTime now) {
  const KmsRefusal refusal = parse_refusal(response.body);
  const std::string status = " (HTTP " + std::to_string(response.status) + ")";
  std::string request_id =
      printable(cloud::aws::header_of(response, "x-amzn-requestid"), kMaxCodeBytes);
  if (!refusal.parsed) {
    const Fault fault = response.status == 429 ? Fault::throttled : Fault::unavailable;
    return {fault, step + ": " + words_of(response) + status, std::move(request_id)};
  }
  std::string message = step + ": " + refusal.code;
  if (!refusal.message.empty()) message += ": " + refusal.message;
  if (is_skew(refusal)) message += ": " + cloud::aws::skew_of(response, refusal.message, now);
  return {meaning_of(refusal, response.status), message + status, std::move(request_id)};
}

bool blames_credentials(const net::HttpResponse& response) {
  const KmsRefusal refusal = parse_refusal(response.body);
  return refusal.parsed && !is_skew(refusal) &&
         std::ranges::find(kCredentialCodes, refusal.code) != kCredentialCodes.end();
}

Error fault_of_login(const cloud::aws::LoginError& error) {
  using cloud::aws::Refusal;
  const auto fault = [&] {
    switch (error.refusal) {
      case Refusal::denied:
        return Fault::denied;
      case Refusal::ambiguous:
        return Fault::ambiguous;
      case Refusal::throttled:
        return Fault::throttled;
      case Refusal::configuration:
        return Fault::configuration;
      default:
        return Fault::unavailable;
    }
  };
  return {fault(), error.message, error.request_id};
}

Result<void> check_key_type(const KeyMetadata& key) {
  const bool usage = key.usage.empty() || key.usage == "ENCRYPT_DECRYPT";
  const bool symmetric = key.key_spec.empty() || key.key_spec == "SYMMETRIC_DEFAULT";
  if (usage && symmetric) return {};
  return tl::unexpected(Error(Fault::configuration,
                              printable(key.arn, kMaxMessageBytes) + " is a key of " +
                                  printable(key.key_spec, 64) + " for " + printable(key.usage, 64) +
                                  "; it has to be symmetric (SYMMETRIC_DEFAULT), for encryption "
                                  "(ENCRYPT_DECRYPT)"));
}

}  // namespace keyhold::kms::aws
