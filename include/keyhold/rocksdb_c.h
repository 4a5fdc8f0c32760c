/* The C ABI of libkeyhold_rocksdb. */
#ifndef KEYHOLD_ROCKSDB_C_H_
#define KEYHOLD_ROCKSDB_C_H_

#ifdef __cplusplus
extern "C" {
#endif

/* Registers the scheme keyhold:// with RocksDB's default object library. Loading the library does
 * it already; for programs that dlopen() it and want to see it done. Returns 0; a second call
 * changes nothing. Thread-safe. */
__attribute__((visibility("default"))) int keyhold_rocksdb_register(void);

#ifdef __cplusplus
}
#endif

#endif /* KEYHOLD_ROCKSDB_C_H_ */
