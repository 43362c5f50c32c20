// Which region the calling thread is in, in one word of its own, and the handlers that look at that word when a signal ends
// the process. CrashMark.swift says what must be true; crash_mark.c how it is.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#ifndef C_CRASH_MARK_H
#define C_CRASH_MARK_H

#include <stdint.h>

// As many regions as there are at a time in one process.
static const int32_t CRASH_MARK_SLOTS = 64;

// The region of this thread: its slot's number plus one; zero outside of all.
//
// Of the initial-exec model, because the handler reads it: in any other, the first access of a thread may allocate.
extern __thread volatile uint32_t crash_mark_here __attribute__((tls_model("initial-exec")));

// Enters a region and says which one the thread was in. The fences are for the compiler alone: nothing that happens inside may be
// moved outside. The handler runs on the thread itself, so the processor needs none.
static inline uint32_t crash_mark_enter(uint32_t region) {
  uint32_t before = crash_mark_here;
  crash_mark_here = region;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  return before;
}

static inline void crash_mark_leave(uint32_t before) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  crash_mark_here = before;
}

// Takes a slot for a file that is to appear when a thread dies inside: the region's number, or minus an errno. ENAMETOOLONG when a
// path is longer than the kernel takes, EMFILE when no slot is left. Installs the handlers when it is the first.
int64_t crash_mark_arm(const char *file, const char *folder);

// Gives the slot back. No thread may be inside.
void crash_mark_disarm(uint32_t region);

#endif
