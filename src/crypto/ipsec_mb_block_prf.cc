#include <algorithm>
#include <array>
#include <mutex>

#include "crypto/block_prf.h"
#include "crypto/fatal.h"
#include "crypto/ipsec_mb.h"
#include "crypto/secret.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kScheduleSizeBytes = 15 * 16;  // AES-256 has 15 round keys

// The library offers ECB only as a job, and jobs go through the manager's ring: one at a time. A
// job takes fewer than 64 KiB, and holds a pointer to the key, no copy of it.
constexpr std::size_t kLargestJobBytes = 32 * 1024;
std::mutex job_mutex;

Status expand(ByteView key, MutableByteView state) {
  alignas(16) std::array<std::uint8_t, kScheduleSizeBytes> decryption{};
  IMB_AES_KEYEXP_256(ipsec_mb_manager(), key.data(), state.data(), decryption.data());
  wipe(decryption);
  return {};
}

bool run_job(const std::uint8_t* schedule, ByteView input, MutableByteView output) {
  IMB_MGR* const manager = ipsec_mb_manager();
  IMB_JOB* job = IMB_GET_NEXT_JOB(manager);
  job->cipher_mode = IMB_CIPHER_ECB;
  job->cipher_direction = IMB_DIR_ENCRYPT;
  job->chain_order = IMB_ORDER_CIPHER_HASH;
  job->hash_alg = IMB_AUTH_NULL;
  job->key_len_in_bytes = IMB_KEY_256_BYTES;
  job->enc_keys = schedule;
  job->dec_keys = schedule;  // checked, not used when encrypting
  job->iv = nullptr;
  job->iv_len_in_bytes = 0;
  job->src = input.data();
  job->dst = output.data();
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = input.size();
  job = IMB_SUBMIT_JOB(manager);
  return job != nullptr && job->status == IMB_STATUS_COMPLETED;
}

void evaluate(ByteView state, ByteView input, MutableByteView output) {
  while (!input.empty()) {
    const std::size_t size = std::min(input.size(), kLargestJobBytes);
    {
      const std::lock_guard guard(job_mutex);
      require(run_job(state.data(), input.first(size), output.first(size)),
              "AES-256 failed in libipsec-mb");
    }
    input = input.subspan(size);
    output = output.subspan(size);
  }
}

void destroy(MutableByteView) {}

}  // namespace

const BlockPrfBackend* ipsec_mb_block_prf() {
  static constexpr BlockPrfBackend kBackend = {
      .name = "ipsec-mb",
      .state_size_bytes = kScheduleSizeBytes,
      .expand = expand,
      .evaluate = evaluate,
      .destroy = destroy,
  };
  return ipsec_mb_manager() == nullptr ? nullptr : &kBackend;
}

}  // namespace keyhold::crypto
