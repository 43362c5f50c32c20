// The kernel's calls, each answering as the kernel itself does: a result, or minus the errno.
//
// The C library splits that answer in two, a -1 and a variable that the next call overwrites. Between the
// two, compiled Swift may release an object, and so call free and munmap. Here they are put together again
// before any Swift runs: no caller can read errno too late, because no caller reads errno.
//
// Nothing in here decides anything; deciding is the funnel's work (Kernel.swift).
//
// The build does not watch this file: after a change of what is here already, touch Sources/ApusSystem.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#ifndef APUS_CLINUX_SHIM_H
#define APUS_CLINUX_SHIM_H

// Swift's own Glibc module is built without _GNU_SOURCE, and <sys/select.h> names the member of fd_set
// differently then: whoever imports both modules is told that they contradict each other. Nobody here
// selects, so the header is taken for included already. To be removed when Glibc's module defines
// _GNU_SOURCE too.
#ifndef _SYS_SELECT_H
#define _SYS_SELECT_H 1
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define LINUX_ANSWER(call)                    \
  do {                                        \
    int64_t answer = (call);                  \
    return answer < 0 ? -(int64_t)errno : answer; \
  } while (0)

// Files

static inline int64_t linux_open(const char *path, int32_t flags, uint32_t mode) {
  LINUX_ANSWER(open(path, flags, (mode_t)mode));
}

static inline int64_t linux_close(int32_t fd) { LINUX_ANSWER(close(fd)); }

static inline int64_t linux_write(int32_t fd, const void *bytes, size_t count) {
  LINUX_ANSWER(write(fd, bytes, count));
}

static inline int64_t linux_pread(int32_t fd, void *bytes, size_t count, int64_t at) {
  LINUX_ANSWER(pread(fd, bytes, count, at));
}

static inline int64_t linux_pwrite(int32_t fd, const void *bytes, size_t count, int64_t at) {
  LINUX_ANSWER(pwrite(fd, bytes, count, at));
}

static inline int64_t linux_fdatasync(int32_t fd) { LINUX_ANSWER(fdatasync(fd)); }

static inline int64_t linux_fsync(int32_t fd) { LINUX_ANSWER(fsync(fd)); }

static inline int64_t linux_ftruncate(int32_t fd, int64_t size) { LINUX_ANSWER(ftruncate(fd, size)); }

static inline int64_t linux_fallocate(int32_t fd, int64_t at, int64_t count) {
  LINUX_ANSWER(fallocate(fd, 0, at, count));
}

// Unlike its neighbours, this call returns its errno.
static inline int64_t linux_forget_cached(int32_t fd) {
  return -(int64_t)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static inline int64_t linux_flock(int32_t fd, int32_t operation) { LINUX_ANSWER(flock(fd, operation)); }

typedef struct {
  uint64_t size;
  uint64_t inode;
  uint32_t device_major;
  uint32_t device_minor;
  int32_t is_folder;
  int32_t is_regular;
} linux_file_info;

static inline int64_t linux_file_info_from(int64_t answer, const struct stat *from, linux_file_info *info) {
  if (answer < 0) return -(int64_t)errno;
  info->size = (uint64_t)from->st_size;
  info->inode = from->st_ino;
  info->device_major = major(from->st_dev);
  info->device_minor = minor(from->st_dev);
  info->is_folder = S_ISDIR(from->st_mode);
  info->is_regular = S_ISREG(from->st_mode);
  return answer;
}

static inline int64_t linux_fstat(int32_t fd, linux_file_info *info) {
  struct stat found;
  return linux_file_info_from(fstat(fd, &found), &found, info);
}

static inline int64_t linux_stat(const char *path, linux_file_info *info) {
  struct stat found;
  return linux_file_info_from(stat(path, &found), &found, info);
}

// Standard streams

// Opens what the parent left closed of descriptors 0, 1 and 2. A store's file that got one of these numbers would take
// whatever is written to a terminal.
static inline int64_t linux_fill_standard_streams(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number, which is this one.
    if (open("/dev/null", O_RDWR) < 0) return -(int64_t)errno;
  }
  return 0;
}

static inline int64_t linux_ignore_broken_pipes(void) {
  return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -(int64_t)errno : 0;
}

static inline int64_t linux_wait_until_writable(int32_t fd) {
  struct pollfd wanted = {.fd = fd, .events = POLLOUT};
  LINUX_ANSWER(poll(&wanted, 1, -1));
}

// Streams: what is read once, from its beginning to its end

static const int32_t LINUX_STREAM = O_RDONLY | O_CLOEXEC;

static inline int64_t linux_stream_read(int32_t fd, void *bytes, size_t count) {
  LINUX_ANSWER(read(fd, bytes, count));
}

static inline int64_t linux_stream_wait(int32_t fd) {
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  LINUX_ANSWER(poll(&wanted, 1, -1));
}

static inline int32_t linux_is_terminal(int32_t fd) { return isatty(fd); }

// Names

static inline int64_t linux_rename(const char *from, const char *to) { LINUX_ANSWER(rename(from, to)); }

static inline int64_t linux_unlink(const char *path) { LINUX_ANSWER(unlink(path)); }

static inline int64_t linux_rmdir(const char *path) { LINUX_ANSWER(rmdir(path)); }

static inline int64_t linux_mkdir(const char *path, uint32_t mode) { LINUX_ANSWER(mkdir(path, (mode_t)mode)); }

// Takes the descriptor over when it succeeds; `linux_close_folder` then closes both.
static inline int64_t linux_open_folder(int32_t fd, void **folder) {
  *folder = fdopendir(fd);
  return *folder ? 0 : -(int64_t)errno;
}

// 1 and the next name, or 0 at the end. The name lives until the next call.
static inline int64_t linux_next_name(void *folder, const char **name) {
  errno = 0;
  struct dirent *entry = readdir((DIR *)folder);
  if (!entry) return -(int64_t)errno;
  *name = entry->d_name;
  return 1;
}

static inline int64_t linux_close_folder(void *folder) { LINUX_ANSWER(closedir((DIR *)folder)); }

// Saturates rather than wraps.
static inline int64_t linux_free_bytes(const char *path, uint64_t *bytes) {
  struct statvfs found;
  if (statvfs(path, &found) < 0) return -(int64_t)errno;
  if (__builtin_mul_overflow((uint64_t)found.f_bavail, (uint64_t)found.f_frsize, bytes)) *bytes = UINT64_MAX;
  return 0;
}

// Constants whose macros Swift cannot read, or whose module should not leak out of this one

static const int32_t LINUX_READ = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
static const int32_t LINUX_READ_WRITE = O_RDWR | O_CLOEXEC | O_NONBLOCK;
static const int32_t LINUX_CREATE = O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL | O_NOFOLLOW;
static const int32_t LINUX_FOLDER = O_RDONLY | O_CLOEXEC | O_DIRECTORY;
static const int32_t LINUX_LOCK_EXCLUSIVE_FILE = O_RDWR | O_CLOEXEC | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
static const int32_t LINUX_LOCK_SHARED_FILE = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
static const int32_t LINUX_LOCK_EXCLUSIVE = LOCK_EX | LOCK_NB;
static const int32_t LINUX_LOCK_SHARED = LOCK_SH | LOCK_NB;
static const int32_t LINUX_UNLOCK = LOCK_UN;

// Time, chance, and who we are

static inline int64_t linux_clock(int32_t boot, int64_t *seconds, int64_t *nanoseconds) {
  struct timespec now;
  if (clock_gettime(boot ? CLOCK_BOOTTIME : CLOCK_REALTIME, &now) < 0) return -(int64_t)errno;
  *seconds = now.tv_sec;
  *nanoseconds = now.tv_nsec;
  return 0;
}

static inline int64_t linux_random(void *bytes, size_t count) { LINUX_ANSWER(getrandom(bytes, count, 0)); }

static inline int32_t linux_process_id(void) { return getpid(); }

// How many processors this process may run on.
static inline int64_t linux_core_count(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) < 0) return -(int64_t)errno;
  return CPU_COUNT(&allowed);
}

// NAME=VALUE, or null behind the last.
static inline const char *linux_environment(int32_t at) { return environ ? environ[at] : NULL; }

static inline _Noreturn void linux_exit(int32_t code) { _exit(code); }

// Untranslated and without a shared buffer, unlike strerror. Null for a number nobody named.
static inline const char *linux_errno_name(int32_t number) { return strerrorname_np(number); }
static inline const char *linux_errno_text(int32_t number) { return strerrordesc_np(number); }

// Threads

typedef struct {
  pthread_t handle;
} linux_thread;

static inline int64_t linux_thread_start(linux_thread *thread, void *(*body)(void *), void *context) {
  return -(int64_t)pthread_create(&thread->handle, NULL, body, context);
}

static inline int64_t linux_thread_join(linux_thread thread) {
  return -(int64_t)pthread_join(thread.handle, NULL);
}

static inline int64_t linux_thread_detach(linux_thread thread) {
  return -(int64_t)pthread_detach(thread.handle);
}

static inline uint64_t linux_thread_number_self(void) {
  return (uint64_t)pthread_self();
}

// Of a thread alone, and of those that it starts from here on: the kernel keeps it by thread, whatever POSIX says. By number, since
// <sys/resource.h> is another with and without _GNU_SOURCE; its PRIO_PROCESS is 0.
static inline int64_t linux_thread_yield_to_others(void) {
  return syscall(SYS_setpriority, 0, 0, 10) < 0 ? -(int64_t)errno : 0;
}

static inline int64_t linux_thread_name_self(const char *name) {
  return -(int64_t)pthread_setname_np(pthread_self(), name);
}

// A mutex that notices its own thread coming back for it, and a condition that waits by a clock no
// person can set.
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} linux_monitor;

static inline int64_t linux_monitor_init(linux_monitor *monitor) {
  pthread_mutexattr_t checked;
  int failed = pthread_mutexattr_init(&checked);
  if (failed) return -(int64_t)failed;
  failed = pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
  if (!failed) failed = pthread_mutex_init(&monitor->mutex, &checked);
  pthread_mutexattr_destroy(&checked);
  if (failed) return -(int64_t)failed;

  pthread_condattr_t steady;
  failed = pthread_condattr_init(&steady);
  if (failed) return -(int64_t)failed;
  failed = pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  if (!failed) failed = pthread_cond_init(&monitor->changed, &steady);
  pthread_condattr_destroy(&steady);
  return -(int64_t)failed;
}

static inline void linux_monitor_destroy(linux_monitor *monitor) {
  pthread_cond_destroy(&monitor->changed);
  pthread_mutex_destroy(&monitor->mutex);
}

static inline int64_t linux_monitor_lock(linux_monitor *monitor) {
  return -(int64_t)pthread_mutex_lock(&monitor->mutex);
}

static inline int64_t linux_monitor_unlock(linux_monitor *monitor) {
  return -(int64_t)pthread_mutex_unlock(&monitor->mutex);
}

static inline int64_t linux_monitor_notify_all(linux_monitor *monitor) {
  return -(int64_t)pthread_cond_broadcast(&monitor->changed);
}

static inline int64_t linux_monitor_wait(linux_monitor *monitor) {
  return -(int64_t)pthread_cond_wait(&monitor->changed, &monitor->mutex);
}

// The deadline is on CLOCK_MONOTONIC. -ETIMEDOUT when it has passed.
static inline int64_t linux_monitor_wait_until(linux_monitor *monitor, int64_t seconds, int64_t nanoseconds) {
  struct timespec deadline = {.tv_sec = seconds, .tv_nsec = nanoseconds};
  return -(int64_t)pthread_cond_timedwait(&monitor->changed, &monitor->mutex, &deadline);
}

static inline int64_t linux_monitor_now(int64_t *seconds, int64_t *nanoseconds) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) return -(int64_t)errno;
  *seconds = now.tv_sec;
  *nanoseconds = now.tv_nsec;
  return 0;
}

#include "sockets.h"

#endif
