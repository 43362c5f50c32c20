#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

// As in Sources/CLinux/shim.h: Swift's own Glibc module names a member of fd_set differently without _GNU_SOURCE, and
// nobody here selects. To be removed when Glibc's module defines _GNU_SOURCE too.
#ifndef _SYS_SELECT_H
#define _SYS_SELECT_H 1
#endif

#include <lmdb.h>
#include <stdint.h>
#include <stdlib.h>

// Asks for the line of an address, which need not be one: nothing is read, and nothing fails.
static inline void apus_prefetch(uintptr_t address) { __builtin_prefetch((const void *)address); }

// Zeroes that the kernel gives page by page when they are touched, so that much of it costs no time at once; NULL when there is no memory.
static inline void *apus_zeroes(size_t count) { return calloc(count, 1); }
static inline void apus_zeroes_free(void *zeroes) { free(zeroes); }
