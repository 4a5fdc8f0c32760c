#include "crypto/ipsec_mb.h"

#include <cstdint>

namespace keyhold::crypto {
namespace {

bool has(const IMB_MGR* manager, std::uint64_t features) {
  return (manager->features & features) == features;
}

IMB_MGR* make_manager() {
  IMB_MGR* const manager = ::alloc_mb_mgr(0);
  if (manager == nullptr) return nullptr;
  ::init_mb_mgr_auto(manager, nullptr);
  const bool usable =
      ::imb_get_errno(manager) == 0 && has(manager, IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ) &&
      !has(manager, IMB_FEATURE_AESNI_EMU) && has(manager, IMB_FEATURE_SELF_TEST_PASS);
  if (usable) return manager;
  ::free_mb_mgr(manager);
  return nullptr;
}

}  // namespace

IMB_MGR* ipsec_mb_manager() {
  static IMB_MGR* const manager = make_manager();
  return manager;
}

bool ipsec_mb_is_faster() {
  const IMB_MGR* const manager = ipsec_mb_manager();
  return manager != nullptr &&
         has(manager, IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ);
}

}  // namespace keyhold::crypto
