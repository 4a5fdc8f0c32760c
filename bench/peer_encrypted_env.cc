// The peer of the RocksDB benchmark: RocksDB's own EncryptedEnv and CTR provider over AES-256,
// under the scheme bench-peer://. Loaded with LD_PRELOAD, as the plugin is. Its key is a constant:
// it measures speed and protects nothing.
#include <array>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <rocksdb/env_encryption.h>
#include <rocksdb/file_system.h>
#include <rocksdb/utilities/object_registry.h>

namespace {

class AesBlockCipher final : public rocksdb::BlockCipher {
 public:
  AesBlockCipher() : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    const std::array<unsigned char, 32> key = {1, 2, 3};
    EVP_EncryptInit_ex(context_.get(), EVP_aes_256_ecb(), nullptr, key.data(), nullptr);
    EVP_CIPHER_CTX_set_padding(context_.get(), 0);
  }

  [[nodiscard]] const char* Name() const override { return "BenchAes256"; }
  size_t BlockSize() override { return 16; }
  rocksdb::Status Encrypt(char* data) override {
    auto* block = reinterpret_cast<unsigned char*>(data);
    int length = 0;
    // A cipher context serves one thread; ECB without padding keeps no state between blocks.
    thread_local const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> mine =
        [this] {
          std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> copy(EVP_CIPHER_CTX_new(),
                                                                               EVP_CIPHER_CTX_free);
          EVP_CIPHER_CTX_copy(copy.get(), context_.get());
          return copy;
        }();
    EVP_EncryptUpdate(mine.get(), block, &length, block, 16);
    return rocksdb::Status::OK();
  }
  // CTR mode only encrypts.
  rocksdb::Status Decrypt(char*) override { return rocksdb::Status::NotSupported(); }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context_;
};

// RocksDB hands out EncryptedFS as a shared pointer, and wants a factory to make something of its
// own.
class Peer final : public rocksdb::FileSystemWrapper {
 public:
  Peer()
      : rocksdb::FileSystemWrapper(rocksdb::NewEncryptedFS(
            rocksdb::FileSystem::Default(),
            rocksdb::EncryptionProvider::NewCTRProvider(std::make_shared<AesBlockCipher>()))) {}
  [[nodiscard]] const char* Name() const override { return "BenchPeer"; }
};

const bool registered = [] {
  rocksdb::ObjectLibrary::Default()->AddFactory<rocksdb::FileSystem>(
      rocksdb::ObjectLibrary::PatternEntry("bench-peer", false).AddSeparator("://", false),
      [](const std::string&, std::unique_ptr<rocksdb::FileSystem>* guard, std::string*) {
        *guard = std::make_unique<Peer>();
        return guard->get();
      });
  return true;
}();

}  // namespace
