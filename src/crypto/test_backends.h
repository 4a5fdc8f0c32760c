// Runs a test once for each AEAD back end of this machine.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/backend_choice.h"

namespace keyhold::crypto {

class EveryAeadBackend : public ::testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override {
    const AeadBackend* backend =
        GetParam() == BackendKind::openssl ? &openssl_backend() : ipsec_mb_backend();
    if (backend == nullptr) GTEST_SKIP() << "libipsec-mb does not run on this CPU";
    before_ = &set_aead_backend(*backend);
  }
  void TearDown() override {
    if (before_ != nullptr) set_aead_backend(*before_);
  }

 private:
  const AeadBackend* before_ = nullptr;
};

inline auto every_aead_backend() {
  return ::testing::Values(BackendKind::openssl, BackendKind::ipsec_mb);
}
inline std::string aead_backend_name(const ::testing::TestParamInfo<BackendKind>& kind) {
  return kind.param == BackendKind::openssl ? "Openssl" : "IpsecMb";
}

}  // namespace keyhold::crypto
