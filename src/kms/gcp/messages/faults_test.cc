// The taxonomy: a row here for each of docs/kms/gcp.md.
#include "kms/gcp/messages/faults.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace keyhold::kms::gcp {
namespace {

using Json = nlohmann::json;

Json info(const std::string& reason) {
  return {{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
          {"reason", reason},
          {"domain", "googleapis.com"}};
}
Json precondition(const std::string& type) {
  return {{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
          {"violations", {{{"type", type}, {"subject", "projects/p"}}}}};
}

net::HttpResponse answer(int status, const std::string& body) {
  net::HttpResponse response;
  response.status = status;
  response.body = WipedString(body);
  return response;
}
net::HttpResponse rpc(int status, const std::string& name, const std::string& message = "text",
                      const Json& details = Json::array()) {
  return answer(
      status,
      Json{{"error",
            {{"code", status}, {"status", name}, {"message", message}, {"details", details}}}}
          .dump());
}
Fault judged(const net::HttpResponse& response, Step step = Step::decrypt) {
  return fault_of(step, response, "r").error.fault();
}

TEST(GcpFaults, StateOfTheVersionByItsViolation) {
  const auto with = [](const std::string& type) {
    return judged(rpc(400, "FAILED_PRECONDITION", "text", Json::array({precondition(type)})));
  };
  EXPECT_EQ(with("KEY_DISABLED"), Fault::disabled);
  EXPECT_EQ(with("KEY_DESTROY_SCHEDULED"), Fault::disabled);
  EXPECT_EQ(with("KEY_DESTROYED"), Fault::not_found);
  EXPECT_EQ(with("KEY_PENDING_GENERATION"), Fault::unavailable);
  EXPECT_EQ(with("KEY_PENDING_IMPORT"), Fault::configuration);
  EXPECT_EQ(with("KEY_SOMETHING_NEW"), Fault::ambiguous);
  EXPECT_EQ(with("EKM_UNREACHABLE"), Fault::ambiguous);
}

TEST(GcpFaults, StateOfTheVersionByTheMessageWhereThereIsNoViolation) {
  const auto with = [](const std::string& state) {
    return judged(rpc(400, "FAILED_PRECONDITION",
                      "projects/p is not enabled, current state is: " + state + "."));
  };
  EXPECT_EQ(with("DISABLED"), Fault::disabled);
  EXPECT_EQ(with("DESTROY_SCHEDULED"), Fault::disabled);
  EXPECT_EQ(with("DESTROYED"), Fault::not_found);
}

TEST(GcpFaults, ExternalKeyManagerSaysNoMoreThanAPrecondition) {
  EXPECT_EQ(judged(rpc(400, "FAILED_PRECONDITION",
                       "The external key manager denied or could not do the request")),
            Fault::ambiguous);
}

TEST(GcpFaults, PermissionAndAccount) {
  EXPECT_EQ(judged(rpc(403, "PERMISSION_DENIED")), Fault::denied);
  EXPECT_EQ(
      judged(rpc(403, "PERMISSION_DENIED", "t", Json::array({info("IAM_PERMISSION_DENIED")}))),
      Fault::denied);
  EXPECT_EQ(judged(rpc(403, "PERMISSION_DENIED", "t", Json::array({info("SERVICE_DISABLED")}))),
            Fault::denied);
  EXPECT_EQ(judged(rpc(401, "UNAUTHENTICATED", "t", Json::array({info("ACCOUNT_STATE_INVALID")}))),
            Fault::denied);
  EXPECT_EQ(judged(rpc(403, "PERMISSION_DENIED", "t",
                       Json::array({info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")}))),
            Fault::configuration);
  EXPECT_EQ(judged(rpc(404, "NOT_FOUND")), Fault::not_found);
}

TEST(GcpFaults, PerimeterPoliciesAndBillingAreAmbiguous) {
  EXPECT_EQ(judged(rpc(403, "PERMISSION_DENIED", "Request is prohibited by organization's policy.",
                       Json::array({precondition("VPC_SERVICE_CONTROLS"),
                                    info("SECURITY_POLICY_VIOLATED")}))),
            Fault::ambiguous);
  for (const char* reason : {"ORG_RESTRICTION_VIOLATION", "LOCATION_POLICY_VIOLATED",
                             "BILLING_DISABLED", "CONSUMER_SUSPENDED"}) {
    EXPECT_EQ(judged(rpc(403, "PERMISSION_DENIED", "t", Json::array({info(reason)}))),
              Fault::ambiguous);
  }
}

TEST(GcpFaults, ThrottlingAndOutages) {
  EXPECT_EQ(judged(rpc(429, "RESOURCE_EXHAUSTED")), Fault::throttled);
  EXPECT_EQ(judged(answer(429, "<html>slow down</html>")), Fault::throttled);
  EXPECT_EQ(judged(rpc(503, "UNAVAILABLE")), Fault::unavailable);
  EXPECT_EQ(judged(rpc(504, "DEADLINE_EXCEEDED")), Fault::unavailable);
  EXPECT_EQ(judged(rpc(500, "INTERNAL")), Fault::unavailable);
  EXPECT_EQ(judged(rpc(409, "ABORTED")), Fault::unavailable);
  EXPECT_EQ(judged(rpc(501, "UNIMPLEMENTED")), Fault::unavailable);
}

TEST(GcpFaults, UnauthenticatedIsAnOutageAndTheTokenIsStale) {
  const Judgement judgement = fault_of(Step::decrypt, rpc(401, "UNAUTHENTICATED"), "r");
  EXPECT_EQ(judgement.error.fault(), Fault::unavailable);
  EXPECT_TRUE(judgement.stale_token);
  EXPECT_FALSE(fault_of(Step::decrypt, rpc(503, "UNAVAILABLE"), "r").stale_token);
}

TEST(GcpFaults, WrongCiphertextOrContextIsMalformedOnDecryptOnly) {
  const auto invalid =
      rpc(400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.");
  EXPECT_EQ(judged(invalid), Fault::malformed);
  EXPECT_EQ(judged(invalid, Step::encrypt), Fault::configuration);
  EXPECT_EQ(judged(invalid, Step::describe), Fault::configuration);
  EXPECT_EQ(judged(rpc(400, "INVALID_ARGUMENT",
                       "The request concerns location 'global' but was sent to location 'eu'")),
            Fault::configuration);
}

TEST(GcpFaults, RequestThatWasChangedOnTheWayIsAnOutage) {
  EXPECT_EQ(judged(rpc(400, "INVALID_ARGUMENT",
                       "The checksum in field ciphertext_crc32c did not match the data in field "
                       "ciphertext.")),
            Fault::unavailable);
}

// A proxy, a login page, another service's error, a truncated answer.
TEST(GcpFaults, WhatIsNotGooglesAnswerIsAnOutageWhateverItsStatus) {
  const std::string whole(rpc(403, "PERMISSION_DENIED").body);
  for (const std::string& body :
       {std::string(), std::string("<html>403 PERMISSION_DENIED</html>"), std::string("{}"),
        std::string("[]"), whole.substr(0, whole.size() - 1),
        std::string(R"({"error":"PERMISSION_DENIED"})"),
        std::string(R"({"error":{"code":403,"message":"denied"}})"),
        std::string(R"({"error":{"code":404,"status":"PERMISSION_DENIED"}})"),
        std::string(R"({"error":{"code":"403","status":"PERMISSION_DENIED"}})")}) {
    const Judgement judgement = fault_of(Step::decrypt, answer(403, body), "r");
    EXPECT_EQ(judgement.error.fault(), Fault::unavailable) << body;
    EXPECT_FALSE(judgement.stale_token);
  }
}

TEST(GcpFaults, MessageSaysStatusReasonAndRequestAndIsBounded) {
  const auto response =
      rpc(403, "PERMISSION_DENIED", "no\n" + std::string(5000, 'x'), Json::array({info("IAM")}));
  const Error error = fault_of(Step::decrypt, response, "request-1").error;
  EXPECT_EQ(error.request_id(), "request-1");
  EXPECT_EQ(error.message().find("Google Cloud KMS: PERMISSION_DENIED: no xxx"), 0U);
  EXPECT_TRUE(error.message().ends_with("(IAM)"));
  EXPECT_LT(error.message().size(), 1000U);
}

TEST(GcpFaults, LoginRefusalsKeepTheirMeaning) {
  using cloud::gcp::Refusal;
  const auto of = [](Refusal refusal) {
    return fault_of({.refusal = refusal, .message = "m"}).fault();
  };
  EXPECT_EQ(of(Refusal::denied), Fault::denied);
  EXPECT_EQ(of(Refusal::ambiguous), Fault::ambiguous);
  EXPECT_EQ(of(Refusal::throttled), Fault::throttled);
  EXPECT_EQ(of(Refusal::unavailable), Fault::unavailable);
  EXPECT_EQ(of(Refusal::configuration), Fault::configuration);
}

}  // namespace
}  // namespace keyhold::kms::gcp
