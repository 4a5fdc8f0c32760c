#include "net/certificates.h"

#include <array>
#include <memory>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"

namespace keyhold::net {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using X509Object = std::unique_ptr<X509, Freed<&X509_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<&BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>>;

constexpr int kSerialBits = 127;  // positive in 16 bytes
constexpr std::chrono::hours kBackdated{1};

tl::unexpected<Error> failed(std::string_view what) {
  return fail(Code::internal, std::string(what) + " failed inside OpenSSL");
}

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<WipedString> key_to_pem(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!out ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failed("writing a private key");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return WipedString(data, static_cast<std::size_t>(size));
}

Result<std::string> certificate_to_pem(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1) {
    return failed("writing a certificate");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<X509Object> certificate_from_pem(std::string_view pem) {
  X509Object certificate(PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) return fail(Code::invalid_argument, "no certificate in PEM");
  return certificate;
}

bool set_serial(X509* certificate) {
  const Number serial(BN_new());
  return serial && BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_times(X509* certificate, WallTime now, std::chrono::days lifetime) {
  const auto from = std::chrono::system_clock::to_time_t(now - kBackdated);
  const auto until = std::chrono::system_clock::to_time_t(now + lifetime);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
}

bool set_name(X509_NAME* name, std::string_view common_name) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// What authorities and servers have in common.
Result<X509Object> begin_certificate(EVP_PKEY* key, std::string_view common_name, WallTime now,
                                     std::chrono::days lifetime) {
  X509Object made(X509_new());
  const bool good = made && X509_set_version(made.get(), 2) == 1 && set_serial(made.get()) &&
                    set_times(made.get(), now, lifetime) &&
                    set_name(X509_get_subject_name(made.get()), common_name) &&
                    X509_set_pubkey(made.get(), key) == 1;
  if (!good) return failed("making a certificate");
  return made;
}

bool is_ip_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// "DNS:localhost,IP:127.0.0.1"; the separators of that notation are in no name.
Result<std::string> alternative_names(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) {
    if (name.empty() || name.find_first_of(",=\r\n ") != std::string::npos) {
      return fail(Code::invalid_argument, "\"" + name + "\" is no name for a certificate");
    }
    text += (text.empty() ? "" : ",") + std::string(is_ip_address(name) ? "IP:" : "DNS:") + name;
  }
  if (text.empty()) return fail(Code::invalid_argument, "a server's certificate needs a name");
  return text;
}

Result<Certificate> sign_and_write(X509* certificate, EVP_PKEY* key, EVP_PKEY* issuer_key) {
  if (X509_sign(certificate, issuer_key, EVP_sha256()) <= 0) return failed("signing a certificate");
  Certificate out;
  KEYHOLD_TRY_ASSIGN(out.certificate_pem, certificate_to_pem(certificate));
  KEYHOLD_TRY_ASSIGN(out.key_pem, key_to_pem(key));
  return out;
}

}  // namespace

Result<Certificate> make_authority(std::string_view common_name, WallTime now,
                                   std::chrono::days lifetime) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("making a key");
  KEYHOLD_TRY_ASSIGN(const X509Object made,
                     begin_certificate(key.get(), common_name, now, lifetime));
  X509* const certificate = made.get();
  const bool good =
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
      extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      extend(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      extend(certificate, certificate, NID_subject_key_identifier, "hash") &&
      extend(certificate, certificate, NID_authority_key_identifier, "keyid:always");
  if (!good) return failed("making an authority");
  return sign_and_write(certificate, key.get(), key.get());
}

Result<Certificate> make_server_certificate(const Certificate& authority,
                                            std::span<const std::string> names, WallTime now,
                                            std::chrono::days lifetime) {
  KEYHOLD_TRY_ASSIGN(const std::string alternatives, alternative_names(names));
  KEYHOLD_TRY_ASSIGN(const X509Object issuer, certificate_from_pem(authority.certificate_pem));
  const Key issuer_key(
      PEM_read_bio_PrivateKey(reader_of(authority.key_pem).get(), nullptr, nullptr, nullptr));
  if (!issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    return fail(Code::invalid_argument, "the authority's key is not that of its certificate");
  }
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("making a key");
  KEYHOLD_TRY_ASSIGN(const X509Object made,
                     begin_certificate(key.get(), names.front(), now, lifetime));
  X509* const certificate = made.get();
  const bool good =
      X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get())) == 1 &&
      extend(certificate, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      extend(certificate, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
      extend(certificate, issuer.get(), NID_ext_key_usage, "serverAuth") &&
      extend(certificate, issuer.get(), NID_subject_key_identifier, "hash") &&
      extend(certificate, issuer.get(), NID_authority_key_identifier, "keyid:always") &&
      extend(certificate, issuer.get(), NID_subject_alt_name, alternatives);
  if (!good) return failed("making a server's certificate");
  return sign_and_write(certificate, key.get(), issuer_key.get());
}

Result<std::string> certificate_fingerprint(const std::string& certificate_pem) {
  KEYHOLD_TRY_ASSIGN(const X509Object certificate, certificate_from_pem(certificate_pem));
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) {
    return failed("hashing a certificate");
  }
  return to_hex(ByteView(digest).first(size));
}

}  // namespace keyhold::net
