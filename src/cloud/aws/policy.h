// IAM policy documents: what they say about one request (IAM User Guide, "Policy evaluation logic",
// "IAM JSON policy elements"). Sans-I/O.
//
// Understood: Effect, Principal (AWS, Service, Federated, "*"), Action, NotAction, Resource,
// NotResource with wildcards, and Condition with StringEquals, StringNotEquals,
// StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike, StringNotLike, ArnEquals, ArnLike,
// ArnNotEquals, ArnNotLike, Bool and Null, each with ForAnyValue:, ForAllValues: and …IfExists. A
// document with anything else is refused when it is saved, never misread. Policy variables are not
// replaced.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace keyhold::cloud::aws {

struct Policy {
  std::string text;
  // Of a policy on a resource: ARN → the unique id that it stood for when the policy was saved.
  // What is not pinned is whoever has the ARN now.
  std::map<std::string, std::string> pins;
};

// Who asks, in all the names that a Principal element can have for them.
struct Principal {
  std::string account;      // empty for a service or a federated user
  std::string arn;          // of the user, the role or the root
  std::string id;           // the unique id that `arn` stands for
  std::string session_arn;  // of a role's session; else empty
  std::string service;      // "ec2.amazonaws.com"
  std::string federated;    // ARN of an identity provider
};

struct PolicyRequest {
  const Principal& principal;
  std::string action;    // "kms:Decrypt"
  std::string resource;  // ARN
  // Condition keys in lower case; a key with several values stands there several times.
  std::multimap<std::string, std::string> context;
};

struct PolicyVerdict {
  bool deny = false;
  bool allow_directly = false;  // an Allow names the principal itself, or everybody
  bool allow_account = false;   // an Allow names the principal's account
  bool deny_always = false;     // a Deny without a Condition
  // In lower case, of all statements that are about the request, whether they hold or not.
  std::set<std::string> condition_keys;
};

// A policy on a resource: its principals count.
PolicyVerdict judge_resource_policy(const Policy& policy, const PolicyRequest& request);
// A policy on a user, role or session; allow_directly says that it allows.
PolicyVerdict judge_identity_policy(const std::string& text, const PolicyRequest& request);

// Why a document cannot be saved; nothing where it can.
std::optional<std::string> wrong_policy(const std::string& text, bool on_resource);
// The AWS principals that a document names, without accounts and "*".
std::vector<std::string> principals_of(const std::string& text);

// Whether a statement has a Principal, as a policy on a resource has.
bool names_principals(const std::string& text);
// Whether an Action is of the service ("sts"): "*" alone is not.
bool speaks_of(const std::string& text, std::string_view service);
// Whether a statement has neither Resource nor NotResource; such a one is judged as one for all.
bool names_no_resource(const std::string& text);
// "${aws:username}"
bool has_variables(const std::string& text);

}  // namespace keyhold::cloud::aws
