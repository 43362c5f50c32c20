// The client of every server that is measured, ours and its peers', and the barest server there can be.
//
// The driver knows no protocol: requests are bytes that were made beforehand, and every reply to one of them has the same
// size. So what it costs is the same for all, and little. Of each reply it reads the payload, wherever it lies there, and
// sums what its words are mixed to: the sum of a run is known beforehand, too. One thread at a time.
//
// Every call answers 0, or errno; a peer that says nothing for ten seconds is ETIMEDOUT, one that closes is ECONNRESET.

#ifndef APUS_LOAD_H
#define APUS_LOAD_H

#include <stddef.h>
#include <stdint.h>

struct apus_load_plan {
  // One behind the other; request i lies from starts[i] to starts[i + 1], and behind the last comes the first again.
  const uint8_t *requests;
  const size_t *starts;
  size_t count;
  size_t reply_size;
  // Pieces of so many bytes, a multiple of 8, each so far behind the one before it.
  size_t payload_at;
  size_t payload_size;
  size_t payload_stride;
  size_t payload_count;
};

// What a word of a payload adds to the sum.
static inline uint64_t apus_load_mix(uint64_t word) {
  word ^= word >> 32;
  word *= 0x9e3779b97f4a7c15u;
  word ^= word >> 29;
  return word;
}

int apus_load_connect_tcp(uint16_t port, int *result);
int apus_load_connect_unix(const char *path, int *result);
void apus_load_close(int connection);

// A port of the loopback that nobody had a moment ago; 0 when there is none.
uint16_t apus_load_free_port(void);

// Sends all and receives exactly as much.
int apus_load_exchange(int connection, const void *request, size_t request_size, void *reply, size_t reply_size);

// One request in flight; how long each took goes to nanoseconds. Begins with request `first`.
int apus_load_one_by_one(int connection, const struct apus_load_plan *plan, size_t first, size_t count,
                         uint64_t *nanoseconds, uint64_t *sum);

// Every connection makes `count` requests, of which `window` are in flight: as many replies as came at once, so many requests
// go out at once. Connection c begins with request c * count.
int apus_load_pipelined(const int *connections, size_t connection_count, const struct apus_load_plan *plan,
                        size_t window, size_t count, uint64_t *sum);

// Answers as many replies as whole requests have come, over TCP and the Unix socket, until the process is ended. The words of a
// reply are 0, 1, 2 and so on. Only returns when something failed.
int apus_echo_serve(uint16_t port, const char *path, size_t request_size, size_t reply_size);

// This thread, and what it starts from here on, run on one processor; -1: on all again.
int apus_load_pin(int processor);

// What a process has had of the processors so far, in the kernel too; 0 when that cannot be known.
uint64_t apus_load_processor_nanoseconds(int process);

#endif
