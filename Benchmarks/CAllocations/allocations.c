#include "allocations.h"

#include <errno.h>
#include <stddef.h>

static __thread uint64_t asked;

uint64_t apus_allocations(void) { return asked; }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define APUS_HAS_SANITIZER
#endif
#endif

#ifdef APUS_HAS_SANITIZER

int apus_allocations_counted(void) { return 0; }

#else

// glibc's own names for its allocator: exported so that a program can stand in front of it.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

int apus_allocations_counted(void) { return 1; }

void *malloc(size_t size) {
  asked += 1;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  asked += 1;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  asked += 1;
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  asked += 1;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  asked += 1;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  asked += 1;
  void *found = __libc_memalign(alignment, size);
  if (found == NULL) return ENOMEM;
  *result = found;
  return 0;
}

#endif
