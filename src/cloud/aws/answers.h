// What is answered to a request for credentials. Sans-I/O; thread-safe. Each parser takes anything;
// no message holds a secret. A body is of no use after it was parsed.
#pragma once

#include <string>

#include "cloud/aws/credentials.h"
#include "cloud/aws/login_error.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {

// Of STS: credentials, or the refusal that its error code means (docs/kms/aws.md has the table).
// `step` says in messages what was asked: "AssumeRole arn:…". Only an error that STS itself wrote
// is a denial.
LoginResult<Credentials> parse_sts(net::HttpResponse& response, const std::string& step,
                                   WallTime now);

// Of STS to GetCallerIdentity: an ARN. Refusals as above.
LoginResult<std::string> parse_identity(net::HttpResponse& response, WallTime now);

// Of the instance metadata service and of a container's endpoint: JSON with AccessKeyId,
// SecretAccessKey, Token, Expiration. Never a denial: these say who we are, not what a customer
// allows.
LoginResult<Credentials> parse_endpoint_credentials(net::HttpResponse& response,
                                                    const std::string& from);

// The session token and the role's name of the instance metadata service.
LoginResult<WipedString> parse_metadata_token(net::HttpResponse& response);
LoginResult<std::string> parse_metadata_role(const net::HttpResponse& response);

}  // namespace keyhold::cloud::aws
