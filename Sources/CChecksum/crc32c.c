// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, as in iSCSI (RFC 3720) and ext4.
//
// Every method computes the same function: for all a and b, extend(extend(0, a), b) == extend(0, a + b).
// Any length and any alignment is good; no byte outside of [bytes, bytes + count) is read.
// The tables and the choice of method are written once, before main, and only read afterwards,
// so all functions may be called from any thread.
//
// Notation: a state is a polynomial over GF(2) of degree < 32 with its bits reflected (bit 31 is x^0);
// P is the CRC's polynomial; a word is 8 bytes.

#include "CChecksum.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the word loops below load little-endian words"
#endif

#define POLYNOMIAL UINT32_C(0x82f63b78)

// One block of the interleaved method is three streams of at most this many words: 4080 bytes, so a
// 4 KiB page is one block and a short tail.
#define STREAM_WORDS_MAX 170

// Up to here one stream is faster than three, by measurement: a frame's header is 56 bytes.
#define SHORT_MAX 64

// Slicing-by-8: tables[i][b] is the state after byte b and then i zero bytes.
static uint32_t tables[8][256];

// shift_by[k] = x^(64k - 33) mod P. Multiplying a state without carry by shift_by[k] gives the word that, read k words
// later by a zero state, leaves what the state would have become: the reflected product adds
// x^1 and reading a word adds x^32, together the missing 33. Element 0 is unused.
static uint32_t shift_by[2 * STREAM_WORDS_MAX + 1];

typedef uint32_t (*extend_function)(uint32_t state, const uint8_t *p, size_t count);

static inline uint64_t load_word(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

#if defined(__x86_64__) || defined(__aarch64__)
static inline uint32_t load_half(const uint8_t *p) {
  uint32_t half;
  memcpy(&half, p, sizeof half);
  return half;
}
#endif

static inline uint32_t software_byte(uint32_t state, uint8_t byte) {
  return (state >> 8) ^ tables[0][(state ^ byte) & 0xff];
}

static uint32_t extend_software(uint32_t state, const uint8_t *p, size_t count) {
  for (; count >= 8; p += 8, count -= 8) {
    uint64_t word = load_word(p) ^ state;
    state = tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^ tables[5][(word >> 16) & 0xff] ^
            tables[4][(word >> 24) & 0xff] ^ tables[3][(word >> 32) & 0xff] ^
            tables[2][(word >> 40) & 0xff] ^ tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
  }
  for (; count > 0; p++, count--) state = software_byte(state, *p);
  return state;
}

// What the interleaved method asks of a processor.
#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_INTERLEAVED 1
#define INTERLEAVED_TARGET __attribute__((target("sse4.2,pclmul")))
#define read_word(state, word) ((uint32_t)_mm_crc32_u64((state), (word)))
#define read_half(state, half) (_mm_crc32_u32((state), (half)))
#define read_byte(state, byte) (_mm_crc32_u8((state), (byte)))
#define multiply(a, b) \
  ((uint64_t)_mm_cvtsi128_si64( \
      _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)(a)), _mm_cvtsi32_si128((int)(b)), 0)))
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define HAS_INTERLEAVED 1
#define INTERLEAVED_TARGET __attribute__((target("crc,aes")))
#define read_word(state, word) (__crc32cd((state), (word)))
#define read_half(state, half) (__crc32cw((state), (half)))
#define read_byte(state, byte) (__crc32cb((state), (byte)))
#define multiply(a, b) \
  (vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64((poly64_t)(a), (poly64_t)(b))), 0))
#endif

#if HAS_INTERLEAVED
// Less than three words at the end, or all of what is short.
INTERLEAVED_TARGET
static inline uint32_t extend_rest(uint32_t state, const uint8_t *p, size_t count) {
  for (; count >= 8; p += 8, count -= 8) state = read_word(state, load_word(p));
  if (count >= 4) {
    state = read_half(state, load_half(p));
    p += 4;
    count -= 4;
  }
  for (; count > 0; p++, count--) state = read_byte(state, *p);
  return state;
}

// The instruction answers after three cycles but starts every cycle, so three independent streams
// keep it busy. Streams a and b are then moved to the end of c by one multiplication each.
INTERLEAVED_TARGET
static uint32_t extend_interleaved(uint32_t state, const uint8_t *p, size_t count) {
  while (count >= 3 * 8) {
    size_t words = count / (3 * 8);
    if (words > STREAM_WORDS_MAX) words = STREAM_WORDS_MAX;
    const uint8_t *q = p + 8 * words;
    const uint8_t *r = q + 8 * words;
    uint32_t a = state, b = 0, c = 0;
    for (size_t i = 0; i + 1 < words; i++, p += 8, q += 8, r += 8) {
      a = read_word(a, load_word(p));
      b = read_word(b, load_word(q));
      c = read_word(c, load_word(r));
    }
    a = read_word(a, load_word(p));
    b = read_word(b, load_word(q));
    uint64_t moved = multiply(a, shift_by[2 * words]) ^ multiply(b, shift_by[words]);
    state = read_word(c, load_word(r) ^ moved);
    p = r + 8;
    count -= 3 * 8 * words;
  }
  return extend_rest(state, p, count);
}
#endif

#if HAS_INTERLEAVED
// A header of a few words: done before three streams would have been set up and put together again.
INTERLEAVED_TARGET
static uint32_t extend_straight(uint32_t state, const uint8_t *p, size_t count) {
  return extend_rest(state, p, count);
}
#endif

#if defined(__x86_64__)
#define HAS_FOLDED 1
#define FOLDED_TARGET __attribute__((target("avx512f,avx512vl,vpclmulqdq,sse4.2,pclmul")))

// The two factors that move a 128-bit lane `words` words on: the low half lies one word further away.
#define lane_factors(words) \
  _mm_set_epi64x((long long)shift_by[(words)], (long long)shift_by[(words) + 1])

// Moves the lanes of `x` as far as `k` says and adds `y` there. 0x96 is exclusive or of three.
#define fold(x, k, y) \
  _mm512_ternarylogic_epi64( \
      _mm512_clmulepi64_epi128((x), (k), 0x00), _mm512_clmulepi64_epi128((x), (k), 0x11), (y), 0x96)

#define fold_lane(x, k, y) \
  _mm_ternarylogic_epi64( \
      _mm_clmulepi64_si128((x), (k), 0x00), _mm_clmulepi64_si128((x), (k), 0x11), (y), 0x96)

// The next 64 bytes, which are also stored if the caller copies. A constant `to` leaves no branch.
#define take(at) \
  ({ \
    __m512i taken = _mm512_loadu_si512(p + (at)); \
    if (to) _mm512_storeu_si512(to + (at), taken); \
    taken; \
  })
#define step(n) (p += (n), count -= (n), to ? (to += (n)) : 0)

// Sixteen 128-bit lanes move 256 bytes at a time over the data; at the end they are moved onto the last
// one, whose remainder two crc32 instructions take. What is left is shorter than 64 bytes.
FOLDED_TARGET __attribute__((always_inline))
static inline uint32_t fold_and_copy(uint32_t state, uint8_t *to, const uint8_t *p, size_t count) {
  if (count < 256) {
    if (to) memcpy(to, p, count);
    return extend_interleaved(state, p, count);
  }

  __m512i first = _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state));
  __m512i a = _mm512_xor_si512(take(0), first);
  __m512i b = take(64);
  __m512i c = take(128);
  __m512i d = take(192);
  step(256);

  __m512i by_256_bytes = _mm512_broadcast_i32x4(lane_factors(32));
  for (; count >= 256; step(256)) {
    a = fold(a, by_256_bytes, take(0));
    b = fold(b, by_256_bytes, take(64));
    c = fold(c, by_256_bytes, take(128));
    d = fold(d, by_256_bytes, take(192));
  }

  __m512i by_64_bytes = _mm512_broadcast_i32x4(lane_factors(8));
  __m512i by_128_bytes = _mm512_broadcast_i32x4(lane_factors(16));
  d = fold(fold(a, by_64_bytes, b), by_128_bytes, fold(c, by_64_bytes, d));
  for (; count >= 64; step(64)) d = fold(d, by_64_bytes, take(0));

  __m128i lane = _mm512_extracti32x4_epi32(d, 3);
  lane = fold_lane(_mm512_extracti32x4_epi32(d, 0), lane_factors(6), lane);
  lane = fold_lane(_mm512_extracti32x4_epi32(d, 1), lane_factors(4), lane);
  lane = fold_lane(_mm512_extracti32x4_epi32(d, 2), lane_factors(2), lane);
  state = read_word(0, (uint64_t)_mm_extract_epi64(lane, 0));
  state = read_word(state, (uint64_t)_mm_extract_epi64(lane, 1));
  if (to) memcpy(to, p, count);
  return extend_interleaved(state, p, count);
}

FOLDED_TARGET
static uint32_t extend_folded(uint32_t state, const uint8_t *p, size_t count) {
  return fold_and_copy(state, NULL, p, count);
}

FOLDED_TARGET
static uint32_t copy_folded(uint32_t state, uint8_t *to, const uint8_t *p, size_t count) {
  return fold_and_copy(state, to, p, count);
}
#endif

static const extend_function methods[] = {
    [CRC32C_SOFTWARE] = extend_software,
#if HAS_INTERLEAVED
    [CRC32C_INTERLEAVED] = extend_interleaved,
#endif
#if HAS_FOLDED
    [CRC32C_FOLDED] = extend_folded,
#endif
};

static int32_t best_method = CRC32C_SOFTWARE;
static extend_function best = extend_software;
static extend_function best_if_short = extend_software;

static int32_t find_best_method(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul")) return CRC32C_SOFTWARE;
  // These two also ask whether the kernel saves the 512-bit registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("vpclmulqdq"))
    return CRC32C_FOLDED;
  return CRC32C_INTERLEAVED;
#elif HAS_INTERLEAVED
  unsigned long needed = HWCAP_CRC32 | HWCAP_PMULL;
  return (getauxval(AT_HWCAP) & needed) == needed ? CRC32C_INTERLEAVED : CRC32C_SOFTWARE;
#else
  return CRC32C_SOFTWARE;
#endif
}

__attribute__((constructor)) static void prepare(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t state = byte;
    for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ ((state & 1) ? POLYNOMIAL : 0);
    tables[0][byte] = state;
  }
  for (int i = 1; i < 8; i++)
    for (int byte = 0; byte < 256; byte++) tables[i][byte] = software_byte(tables[i - 1][byte], 0);

  shift_by[1] = 1;  // x^31, reflected
  for (int k = 2; k <= 2 * STREAM_WORDS_MAX; k++) {
    uint32_t power = shift_by[k - 1];
    for (int i = 0; i < 8; i++) power = software_byte(power, 0);
    shift_by[k] = power;
  }
  best_method = find_best_method();
  best = methods[best_method];
  best_if_short = best;
#if HAS_INTERLEAVED
  if (best_method >= CRC32C_INTERLEAVED) best_if_short = extend_straight;
#endif
}

int32_t crc32c_best_method(void) { return best_method; }

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t count) {
  return ~(count <= SHORT_MAX ? best_if_short : best)(~crc, bytes, count);
}

uint32_t crc32c_extend_both(
    uint32_t crc, const void *first, size_t first_count, const void *second, size_t second_count) {
  uint32_t state = (first_count <= SHORT_MAX ? best_if_short : best)(~crc, first, first_count);
  return ~(second_count <= SHORT_MAX ? best_if_short : best)(state, second, second_count);
}

uint32_t crc32c_copy(uint32_t crc, void *to, const void *from, size_t count) {
#if HAS_FOLDED
  if (best_method == CRC32C_FOLDED) return ~copy_folded(~crc, to, from, count);
#endif
  if (count > 0) memcpy(to, from, count);
  return ~best(~crc, from, count);
}

uint32_t crc32c_extend_by(int32_t method, uint32_t crc, const void *bytes, size_t count) {
  return ~methods[method](~crc, bytes, count);
}
