#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#ifndef C_CHECKSUM_H
#define C_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The ways this processor may compute a CRC-32C, slowest first. All give the same answer.
enum crc32c_method {
  CRC32C_SOFTWARE = 0,     // tables; every processor
  CRC32C_INTERLEAVED = 1,  // crc32 instructions, three streams at once
  CRC32C_FOLDED = 2,       // 512-bit carry-less multiplication
};

// The fastest method this processor has.
int32_t crc32c_best_method(void);

// Extends a CRC-32C by `count` bytes with the fastest method. 0 is the CRC of nothing.
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t count);

// The same by two pieces, one after the other, in one call.
uint32_t crc32c_extend_both(
    uint32_t crc, const void *first, size_t first_count, const void *second, size_t second_count);

// The same as `crc32c_extend`, and copies the bytes to `to`, which must not overlap them: one pass instead of two.
uint32_t crc32c_copy(uint32_t crc, void *to, const void *from, size_t count);

// The same as `crc32c_extend` by a named method, which must not exceed `crc32c_best_method()`.
uint32_t crc32c_extend_by(int32_t method, uint32_t crc, const void *bytes, size_t count);

// A SHA-256 being computed: begin, update as often as needed, finish once.
struct sha256 {
  uint32_t state[8];
  uint8_t block[64];  // the first `used` bytes await the rest of their block
  uint64_t length;    // bytes taken so far
  uint32_t used;
};

void sha256_begin(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *bytes, size_t count);
void sha256_finish(struct sha256 *sha, uint8_t digest[32]);

#endif
