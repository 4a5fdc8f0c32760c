// AWS's published signing cases (tests/vectors), verified as a service would.
#include "devcloud/aws/signature.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/text.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::aws {
namespace {

constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines) std::erase(line, '\r');
  return lines;
}

// request.txt: a request as somebody would type it, folded headers and bare spaces included.
net::HttpCall parse_request(const std::string& text) {
  net::HttpCall call;
  const auto lines = lines_of(text);
  const std::string& first = lines.front();
  const std::size_t begin = first.find(' ') + 1;
  call.method = first.substr(0, begin - 1);
  call.target = first.substr(begin, first.rfind(' ') - begin);
  call.path = call.target.substr(0, call.target.find('?'));
  if (call.path.size() < call.target.size()) call.query = call.target.substr(call.path.size() + 1);
  std::size_t at = 1;
  for (; at < lines.size() && !lines[at].empty(); ++at) {
    const std::size_t colon = lines[at].find(':');
    if (lines[at].starts_with(' ')) {
      call.headers.back().value += " " + std::string(trim(lines[at]));
    } else {
      call.headers.push_back({to_lower(lines[at].substr(0, colon)), lines[at].substr(colon + 1)});
    }
  }
  for (++at; at < lines.size(); ++at) call.body += lines[at];
  return call;
}

// Adds what the signer added: the date, the token, the body's hash.
void add_signed_headers(const std::string& canonical, net::HttpCall& call,
                        Authorization& authorization) {
  const auto lines = lines_of(canonical);
  authorization.signed_headers = split(lines.at(lines.size() - 2), ';');
  for (std::size_t at = 3; at < lines.size() - 3; ++at) {
    const std::size_t colon = lines[at].find(':');
    const std::string name = lines[at].substr(0, colon);
    if (call.header(name) == nullptr) call.headers.push_back({name, lines[at].substr(colon + 1)});
  }
}

struct Case {
  std::string name;
  net::HttpCall call;
  Authorization authorization;
};

std::vector<Case> published_cases() {
  std::vector<Case> cases;
  const std::filesystem::path folder = KEYHOLD_VECTORS_DIR "/aws-sigv4/aws-signing-test-suite/v4";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    // S3's way alone: the path as it is, or encoded once; and cases without a signature.
    if (name.ends_with("-unnormalized") || name == "get-space-normalized") continue;
    if (!std::filesystem::exists(entry.path() / "header-signature.txt")) continue;
    Case one{name, parse_request(read(entry.path() / "request.txt")), {}};
    one.authorization = {
        "AKIDEXAMPLE", "20150830", "us-east-1",
        "service",     {},         std::string(trim(read(entry.path() / "header-signature.txt")))};
    add_signed_headers(read(entry.path() / "header-canonical-request.txt"), one.call,
                       one.authorization);
    cases.push_back(std::move(one));
  }
  return cases;
}

TEST(Signature, PublishedCasesVerify) {
  const auto cases = published_cases();
  EXPECT_GE(cases.size(), 25U) << "run scripts/vectors";
  for (const Case& one : cases) {
    EXPECT_TRUE(check_signature(one.call, one.authorization, kSecret, Protocol::json)) << one.name;
  }
}

TEST(Signature, PublishedCasesDoNotVerifyOnceChanged) {
  for (Case one : published_cases()) {
    EXPECT_FALSE(check_signature(one.call, one.authorization, "another", Protocol::json))
        << one.name;
    Case changed = one;
    changed.call.body += "x";
    EXPECT_FALSE(check_signature(changed.call, one.authorization, kSecret, Protocol::json));
    changed = one;
    changed.call.method = "DELETE";
    EXPECT_FALSE(check_signature(changed.call, one.authorization, kSecret, Protocol::json));
    changed = one;
    changed.call.headers.push_back({"x-amz-more", "1"});
    EXPECT_FALSE(check_signature(changed.call, one.authorization, kSecret, Protocol::json));
    changed = one;
    changed.authorization.region = "eu-west-1";
    EXPECT_FALSE(check_signature(one.call, changed.authorization, kSecret, Protocol::json));
  }
}

TEST(Signature, HeaderIsTakenApart) {
  net::HttpCall call;
  call.headers = {{"authorization",
                   "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/kms/aws4_request, "
                   "SignedHeaders=host;x-amz-date, Signature=abc"}};
  const auto parsed = parse_authorization(call, Protocol::json);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->access_key_id, "AKID");
  EXPECT_EQ(parsed->region, "us-east-1");
  EXPECT_EQ(parsed->signed_headers, (std::vector<std::string>{"host", "x-amz-date"}));
  for (const char* text :
       {"Basic eDp5", "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/kms/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=abc",
        "AWS4-HMAC-SHA256 Credential=A/d/r/s/aws3_request, SignedHeaders=host, Signature=abc"}) {
    call.headers = {{"authorization", text}};
    EXPECT_EQ(parse_authorization(call, Protocol::json).error().code,
              "IncompleteSignatureException")
        << text;
    EXPECT_EQ(parse_authorization(call, Protocol::query).error().code, "IncompleteSignature");
  }
}

TEST(Signature, TimeIsHeldAgainstTheClock) {
  const WallTime now{std::chrono::seconds(1'700'000'000)};
  Authorization authorization;
  const auto judged = [&](WallTime signed_at) {
    net::HttpCall call;
    call.headers = {{"x-amz-date", amz_date(signed_at)}};
    authorization.date = amz_date(signed_at).substr(0, 8);
    return check_time(call, authorization, now, Protocol::query);
  };
  using std::chrono::seconds;
  EXPECT_TRUE(judged(now - seconds(299)));
  EXPECT_TRUE(judged(now + seconds(299)));
  EXPECT_EQ(judged(now - seconds(301)).error().message,
            "Signature expired: 20231114T220819Z is now earlier than 20231114T220820Z "
            "(20231114T221320Z - 5 min.)");
  EXPECT_EQ(judged(now + seconds(301)).error().code, "SignatureDoesNotMatch");
  authorization.date = "20200101";
  net::HttpCall call;
  call.headers = {{"x-amz-date", amz_date(now)}};
  EXPECT_FALSE(check_time(call, authorization, now, Protocol::query));
  EXPECT_EQ(check_time({}, authorization, now, Protocol::query).error().code,
            "IncompleteSignature");
}

}  // namespace
}  // namespace keyhold::devcloud::aws
