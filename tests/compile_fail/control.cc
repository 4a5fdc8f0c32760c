// Compiles: what may be done with a secret. Shows that the snippets beside it fail for the one line
// that each of them marks.
#include <iostream>

#include <fmt/format.h>

#include "secrets.h"

bool use(Key256& a, Key256& b, SecretBlock& block, AeadKey& aead, BlockPrf& prf) {
  Key256 key = std::move(a);
  SecretBlock moved_block = std::move(block);
  AeadKey moved_aead = std::move(aead);
  BlockPrf moved_prf = std::move(prf);
  std::cout << moved_block.size() << fmt::format("{}", moved_aead.empty() || moved_prf.empty());
  return keyhold::crypto::equal_constant_time(key.bytes(SecretAccess::grant()),
                                              b.bytes(SecretAccess::grant()));
}
