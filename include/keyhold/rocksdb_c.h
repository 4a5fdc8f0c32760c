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

struct rocksdb_env_t; /* of <rocksdb/c.h> */

/* An Env on the store at `uri` (keyhold:///absolute/path), for rocksdb_options_set_env(), as
 * keyhold::NewRocksDBFileSystem (keyhold/rocksdb.h) makes a file system. rocksdb_env_destroy() ends
 * it, after its databases and options. Null on failure, with a text in *error as RocksDB's C API
 * gives them: *error is null or free()able before. */
__attribute__((visibility("default"))) struct rocksdb_env_t* keyhold_rocksdb_create_env(
    const char* uri, char** error);

/* As keyhold::SetRocksDBSealHandler (keyhold/rocksdb.h): on_seal closes every database on the store
 * at `uri` (keyhold:///absolute/path) within 2 s, on_unseal (may be null) opens them again; both
 * get `arg`. A null on_seal takes the handler back. Returns null, or an error's text for free(). */
__attribute__((visibility("default"))) char* keyhold_rocksdb_set_seal_handler(
    const char* uri, void (*on_seal)(void* arg, const char* reason), void (*on_unseal)(void* arg),
    void* arg);

#ifdef __cplusplus
}
#endif

#endif /* KEYHOLD_ROCKSDB_C_H_ */
