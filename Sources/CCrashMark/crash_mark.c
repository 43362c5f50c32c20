// A file appears if and only if a thread died inside of its region, by the processor's verdict or by this program's own.
//
// Everything a handler touches was made before: paths in fixed buffers, the thread's word in the initial-exec model (present since
// the thread began). It calls open, write, fsync, close, sigaction and raise, which POSIX lists as safe in handlers, and a bare system call; it
// takes no lock and allocates nothing.
//
// The stack. SA_ONSTACK lets a thread that has an alternate stack (a sanitizer gives one) use it, of whatever size it made it; we make
// none, so SIGSTKSZ, which is no constant any more, is not our question. A thread without one runs the handler on its own stack, below
// the frame that failed: the kernel's frame (some 3 KiB with AVX-512, 11 with AMX) and some 300 bytes of ours. A stack that has overflowed has
// no such room, and the process dies without a mark; what the regions are for, a library whose recursion is as deep as its tree, at most 32,
// does not die that way.

#include "CCrashMark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread volatile uint32_t crash_mark_here;

enum { FREE, TAKEN, ARMED };

typedef struct {
  _Atomic(int) state;
  char file[PATH_MAX];
  char folder[PATH_MAX];
} slot;

// 512 KiB of zeroes, of which only pages that are written exist.
static slot slots[64];
_Static_assert(sizeof slots / sizeof slots[0] == 64, "as many as CRASH_MARK_SLOTS");

// By which a process ends that found itself wrong, or that the processor did. A trap of Swift's is SIGILL or SIGTRAP.
static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP};
static const char *const lines[] = {
    "a process died of SIGSEGV inside\n", "a process died of SIGBUS inside\n",
    "a process died of SIGABRT inside\n", "a process died of SIGILL inside\n",
    "a process died of SIGFPE inside\n",  "a process died of SIGTRAP inside\n"};
enum { COUNT = sizeof signals / sizeof signals[0] };
static struct sigaction before[COUNT];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(int) failure;

static void mark(const slot *at, const char *line) {
  // Whoever was there first said why; that the file exists is what counts.
  int fd = open(at->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return;
  // A full disk takes the name all the same.
  ssize_t written = write(fd, line, strlen(line));
  (void)written;
  fsync(fd);
  close(fd);
  int folder = open(at->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

static void handle(int number, siginfo_t *info, void *context) {
  (void)context;
  int kept = errno;
  int which = 0;
  while (which < COUNT - 1 && signals[which] != number) which++;
  // Above zero the kernel found a fault; otherwise somebody sent the signal. A supervisor's SIGABRT tells nothing about what this thread was
  // just doing; abort() does.
  int is_ours = info->si_code > 0 || info->si_pid == getpid();
  uint32_t here = crash_mark_here;
  if (is_ours && here > 0 && here <= (uint32_t)CRASH_MARK_SLOTS) {
    // A fault in here must not come here again.
    crash_mark_here = 0;
    const slot *at = &slots[here - 1];
    if (atomic_load_explicit(&at->state, memory_order_acquire) == ARMED) mark(at, lines[which]);
  }
  // A signal that was sent, and that the process had chosen to ignore, stays ignored.
  if (info->si_code <= 0 && !(before[which].sa_flags & SA_SIGINFO) && before[which].sa_handler == SIG_IGN) {
    errno = kept;
    return;
  }
  // What was there before decides, as if we had never been: the signal is sent once more, with all it said, and comes when this handler returns.
  // Returning alone would do for a fault, which happens again, but not for SIGTRAP, behind whose instruction the thread goes on.
  sigaction(number, &before[which], NULL);
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info) < 0) raise(number);
  errno = kept;
}

static void install(void) {
  for (int which = 0; which < COUNT; which++) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    // What was there is known before our handler can be called.
    if (sigaction(signals[which], NULL, &before[which]) < 0 || sigaction(signals[which], &action, NULL) < 0) {
      atomic_store(&failure, errno);
      return;
    }
  }
}

int64_t crash_mark_arm(const char *file, const char *folder) {
  if (strlen(file) >= PATH_MAX || strlen(folder) >= PATH_MAX) return -ENAMETOOLONG;
  int failed = pthread_once(&once, install);
  if (!failed) failed = atomic_load(&failure);
  if (failed) return -(int64_t)failed;
  for (int32_t number = 0; number < CRASH_MARK_SLOTS; number++) {
    slot *at = &slots[number];
    int expected = FREE;
    if (!atomic_compare_exchange_strong(&at->state, &expected, TAKEN)) continue;
    strcpy(at->file, file);
    strcpy(at->folder, folder);
    atomic_store_explicit(&at->state, ARMED, memory_order_release);
    return number + 1;
  }
  return -EMFILE;
}

void crash_mark_disarm(uint32_t region) {
  if (region == 0 || region > (uint32_t)CRASH_MARK_SLOTS) return;
  atomic_store_explicit(&slots[region - 1].state, FREE, memory_order_release);
}
