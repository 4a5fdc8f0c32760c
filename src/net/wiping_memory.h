// Memory functions for a C library whose buffers may hold secrets: freed memory is wiped.
#pragma once

#include <cstddef>

namespace keyhold::net {

// As malloc, free, realloc, strdup and calloc (ISO C 7.22.3); only for one another. Thread-safe.
void* wiping_malloc(std::size_t size);
void wiping_free(void* memory);
void* wiping_realloc(void* memory, std::size_t size);
char* wiping_strdup(const char* text);
void* wiping_calloc(std::size_t count, std::size_t size);

}  // namespace keyhold::net
