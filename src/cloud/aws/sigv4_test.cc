// AWS's published cases (tests/vectors/README.md): each stage of each case.
#include "cloud/aws/sigv4.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/timestamp.h"

namespace keyhold::cloud::aws {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCases = 40;

fs::path suite() {
  return fs::path(KEYHOLD_VECTORS_DIR) / "aws-sigv4/aws-signing-test-suite/v4";
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Published {
  std::vector<net::HttpHeader> headers;
  std::string body;
  RequestToSign request;  // of them
};

// Host, as the case has it; continued lines belong to the value before.
void parse_request(const std::string& text, Published& published) {
  std::istringstream lines(text);
  RequestToSign& request = published.request;
  std::string line;
  std::getline(lines, line);
  request.method = line.substr(0, line.find(' '));
  const std::size_t start = request.method.size() + 1;
  const std::string target = line.substr(start, line.rfind(" HTTP/1.1") - start);
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  while (std::getline(lines, line) && !line.empty()) {
    if (line[0] == ' ') {
      published.headers.back().value += "\n" + line;
      continue;
    }
    const std::size_t colon = line.find(':');
    published.headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  std::getline(lines, published.body, '\0');
  request.body = published.body;
}

struct Case {
  Credentials credentials{.access_key_id = "AKIDEXAMPLE",
                          .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                          .session_token = {},
                          .expires_at = {}};
  SigningScope scope{"us-east-1", "service", *parse_timestamp("2015-08-30T12:36:00.000Z")};
  SigningStyle style{.normalize_path = true, .encode_path_twice = false, .send_body_hash = false};
};

WallTime time_of(std::string text) {
  text.insert(text.size() - 1, ".000");
  return *parse_timestamp(text);
}

Case parse_context(const fs::path& path) {
  const auto json = nlohmann::json::parse(content(path));
  Case test;
  const auto& given = json.at("credentials");
  test.credentials.access_key_id = given.at("access_key_id");
  test.credentials.secret_access_key = given.at("secret_access_key").get<std::string>();
  test.credentials.session_token = given.value("token", "");
  test.scope = {json.at("region"), json.at("service"), time_of(json.at("timestamp"))};
  test.style.normalize_path = json.at("normalize");
  test.style.send_body_hash = json.at("sign_body");
  test.style.sign_session_token = !json.value("omit_session_token", false);
  return test;
}

// Two older cases come without a context: the path is what they are about.
Case context_of(const fs::path& folder) {
  if (fs::exists(folder / "context.json")) return parse_context(folder / "context.json");
  Case test;
  test.style.encode_path_twice = true;
  test.scope.at = *parse_timestamp("2021-05-11T15:40:45.000Z");
  if (folder.filename() == "double-url-encode") {
    test.scope.region = "us-east-2";
    test.scope.service = "lambda";
  }
  return test;
}

void add_headers(std::vector<net::HttpHeader>& headers, const Case& test,
                 const std::string& canonical) {
  std::erase_if(headers, [](const auto& header) {
    return header.name == "X-Amz-Date" || header.name == "X-amz-date";
  });
  headers.push_back({"X-Amz-Date", amz_date(test.scope.at)});
  if (!test.credentials.session_token.empty() && test.style.sign_session_token) {
    headers.push_back(
        {"X-Amz-Security-Token", std::string(std::string_view(test.credentials.session_token))});
  }
  if (test.style.send_body_hash) {
    headers.push_back({"X-Amz-Content-SHA256", canonical.substr(canonical.rfind('\n') + 1)});
  }
}

void check_case(const fs::path& folder) {
  const Case test = context_of(folder);
  Published published;
  parse_request(content(folder / "request.txt"), published);
  const std::string wanted = content(folder / "header-canonical-request.txt");
  add_headers(published.headers, test, wanted);
  published.request.headers = published.headers;
  const WipedString canonical = canonical_request(published.request, test.style);
  EXPECT_EQ(std::string_view(canonical), wanted);
  const std::string to_sign = string_to_sign(canonical, test.scope);
  const std::string signature_text =
      signature(to_sign, test.credentials.secret_access_key, test.scope);
  if (fs::exists(folder / "header-string-to-sign.txt")) {
    EXPECT_EQ(to_sign + (folder.filename() == "double-url-encode" ? "\n" : ""),
              content(folder / "header-string-to-sign.txt"));
  }
  if (fs::exists(folder / "header-signature.txt")) {
    EXPECT_EQ(signature_text, content(folder / "header-signature.txt"));
  }
}

TEST(Sigv4, EveryPublishedCaseIsSignedAsPublished) {
  ASSERT_TRUE(fs::exists(suite())) << "run scripts/vectors";
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(suite())) {
    SCOPED_TRACE(entry.path().filename().string());
    check_case(entry.path());
    ++cases;
  }
  EXPECT_EQ(cases, kCases);
}

}  // namespace
}  // namespace keyhold::cloud::aws
