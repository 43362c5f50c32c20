// The kernel's calls about sockets, readiness, wake-ups and signals; as in shim.h, each answers a result or minus the errno.

#ifndef APUS_CLINUX_SOCKETS_H
#define APUS_CLINUX_SOCKETS_H

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

// An address in one shape for all families, so that Swift never casts a pointer to a socket address.
typedef struct {
  int32_t family;  // LINUX_V4, LINUX_V6 or LINUX_UNIX; another number: none of them
  uint16_t port;
  uint32_t scope;
  uint8_t host[16];
  uint32_t path_length;
  char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
} linux_address;

static const int32_t LINUX_V4 = AF_INET;
static const int32_t LINUX_V6 = AF_INET6;
static const int32_t LINUX_UNIX = AF_UNIX;
// One byte is kept for the zero behind the path.
static const int32_t LINUX_UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

static inline socklen_t linux_address_out(const linux_address *from, struct sockaddr_storage *to) {
  memset(to, 0, sizeof(*to));
  switch (from->family) {
    case AF_INET: {
      struct sockaddr_in *v4 = (struct sockaddr_in *)to;
      v4->sin_family = AF_INET;
      v4->sin_port = htons(from->port);
      memcpy(&v4->sin_addr, from->host, 4);
      return sizeof(*v4);
    }
    case AF_INET6: {
      struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(from->port);
      v6->sin6_scope_id = from->scope;
      memcpy(&v6->sin6_addr, from->host, 16);
      return sizeof(*v6);
    }
    default: {
      struct sockaddr_un *un = (struct sockaddr_un *)to;
      size_t length = from->path_length < sizeof(un->sun_path) ? from->path_length : sizeof(un->sun_path) - 1;
      un->sun_family = AF_UNIX;
      memcpy(un->sun_path, from->path, length);
      return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    }
  }
}

static inline void linux_address_in(const struct sockaddr_storage *from, socklen_t length, linux_address *to) {
  memset(to, 0, sizeof(*to));
  to->family = length < sizeof(sa_family_t) ? AF_UNIX : from->ss_family;
  switch (to->family) {
    case AF_INET: {
      const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
      to->port = ntohs(v4->sin_port);
      memcpy(to->host, &v4->sin_addr, 4);
      return;
    }
    case AF_INET6: {
      const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
      to->port = ntohs(v6->sin6_port);
      to->scope = v6->sin6_scope_id;
      memcpy(to->host, &v6->sin6_addr, 16);
      return;
    }
    case AF_UNIX: {
      // A peer that was never bound has no path.
      const struct sockaddr_un *un = (const struct sockaddr_un *)from;
      size_t most = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;
      if (most > sizeof(un->sun_path)) most = sizeof(un->sun_path);
      to->path_length = (uint32_t)strnlen(un->sun_path, most);
      memcpy(to->path, un->sun_path, to->path_length);
      return;
    }
    default: return;
  }
}

static inline int64_t linux_socket(int32_t family) {
  LINUX_ANSWER(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static inline int64_t linux_bind(int32_t fd, const linux_address *address) {
  struct sockaddr_storage to;
  socklen_t length = linux_address_out(address, &to);
  LINUX_ANSWER(bind(fd, (struct sockaddr *)&to, length));
}

static inline int64_t linux_connect(int32_t fd, const linux_address *address) {
  struct sockaddr_storage to;
  socklen_t length = linux_address_out(address, &to);
  LINUX_ANSWER(connect(fd, (struct sockaddr *)&to, length));
}

static inline int64_t linux_listen(int32_t fd, int32_t backlog) { LINUX_ANSWER(listen(fd, backlog)); }

static inline int64_t linux_accept(int32_t fd, linux_address *peer) {
  struct sockaddr_storage from;
  socklen_t length = sizeof(from);
  int accepted = accept4(fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return -(int64_t)errno;
  linux_address_in(&from, length, peer);
  return accepted;
}

static inline int64_t linux_socket_address(int32_t fd, int32_t peer, linux_address *address) {
  struct sockaddr_storage from;
  socklen_t length = sizeof(from);
  int answer = peer ? getpeername(fd, (struct sockaddr *)&from, &length)
                    : getsockname(fd, (struct sockaddr *)&from, &length);
  if (answer < 0) return -(int64_t)errno;
  linux_address_in(&from, length, address);
  return 0;
}

static inline int64_t linux_receive(int32_t fd, void *bytes, size_t count) {
  LINUX_ANSWER(recv(fd, bytes, count, 0));
}

// A peer that is gone is an errno, not a signal.
static inline int64_t linux_send(int32_t fd, const void *bytes, size_t count) {
  LINUX_ANSWER(send(fd, bytes, count, MSG_NOSIGNAL));
}

static inline int64_t linux_shutdown_sending(int32_t fd) { LINUX_ANSWER(shutdown(fd, SHUT_WR)); }

static inline int64_t linux_set_option(int32_t fd, int32_t level, int32_t option, int32_t value) {
  LINUX_ANSWER(setsockopt(fd, level, option, &value, sizeof(value)));
}

// The option's value, which is not negative for any option that is asked for here.
static inline int64_t linux_option(int32_t fd, int32_t level, int32_t option) {
  int32_t value = 0;
  socklen_t length = sizeof(value);
  if (getsockopt(fd, level, option, &value, &length) < 0) return -(int64_t)errno;
  return value;
}

static const int32_t LINUX_LEVEL_SOCKET = SOL_SOCKET;
static const int32_t LINUX_LEVEL_TCP = IPPROTO_TCP;
static const int32_t LINUX_LEVEL_V6 = IPPROTO_IPV6;
static const int32_t LINUX_NO_DELAY = TCP_NODELAY;
static const int32_t LINUX_V6_ONLY = IPV6_V6ONLY;
static const int32_t LINUX_REUSE_ADDRESS = SO_REUSEADDR;
static const int32_t LINUX_REUSE_PORT = SO_REUSEPORT;
static const int32_t LINUX_RECEIVE_BUFFER = SO_RCVBUF;
static const int32_t LINUX_SEND_BUFFER = SO_SNDBUF;
static const int32_t LINUX_SOCKET_ERROR = SO_ERROR;

// 1 when the name is a socket's, and not one of something else or a link to one.
static inline int64_t linux_is_socket(const char *path) {
  struct stat found;
  if (lstat(path, &found) < 0) return -(int64_t)errno;
  return S_ISSOCK(found.st_mode);
}

// The `index`th address of a host's name; 0 when there are no more. What getaddrinfo calls an error is minus 2 (ENOENT)
// here, unless it has an errno of its own.
static inline int64_t linux_resolve(const char *host, uint16_t port, uint32_t index, linux_address *address) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  errno = 0;
  int failed = getaddrinfo(host, NULL, &hints, &found);
  if (failed) return failed == EAI_SYSTEM && errno ? -(int64_t)errno : -(int64_t)ENOENT;
  struct addrinfo *one = found;
  while (one && index) one = one->ai_next, index -= 1;
  int64_t answer = 0;
  if (one && one->ai_addrlen <= sizeof(struct sockaddr_storage)) {
    struct sockaddr_storage from;
    memset(&from, 0, sizeof(from));
    memcpy(&from, one->ai_addr, one->ai_addrlen);
    linux_address_in(&from, one->ai_addrlen, address);
    address->port = port;
    answer = 1;
  }
  freeaddrinfo(found);
  return answer;
}

// Readiness

static const uint32_t LINUX_READABLE = EPOLLIN;
static const uint32_t LINUX_WRITABLE = EPOLLOUT;
static const uint32_t LINUX_FAILED = EPOLLERR;
static const uint32_t LINUX_HUNG_UP = EPOLLHUP;

static inline int64_t linux_poller(void) { LINUX_ANSWER(epoll_create1(EPOLL_CLOEXEC)); }

static const int32_t LINUX_WATCH = EPOLL_CTL_ADD;
static const int32_t LINUX_REWATCH = EPOLL_CTL_MOD;

static inline int64_t linux_watch(int32_t poller, int32_t how, int32_t fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  LINUX_ANSWER(epoll_ctl(poller, how, fd, &event));
}

static inline int64_t linux_unwatch(int32_t poller, int32_t fd) {
  LINUX_ANSWER(epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL));
}

// epoll_event is packed on x86-64, which Swift does not see; so only C looks into it.
typedef struct {
  struct epoll_event events[256];
} linux_ready_events;

static const int32_t LINUX_READY_EVENTS_MAX = 256;

static inline int64_t linux_poll(int32_t poller, linux_ready_events *events, int32_t milliseconds) {
  LINUX_ANSWER(epoll_wait(poller, events->events, 256, milliseconds));
}

static inline uint32_t linux_ready_what(const linux_ready_events *events, int32_t at) { return events->events[at].events; }
static inline uint64_t linux_ready_token(const linux_ready_events *events, int32_t at) {
  return events->events[at].data.u64;
}

// One descriptor, waited for by a thread that has nothing else to do. 0 when the time is up; -1 waits without end.
static inline int64_t linux_wait_until_ready(int32_t fd, int32_t for_writing, int32_t milliseconds) {
  struct pollfd wanted = {.fd = fd, .events = for_writing ? POLLOUT : POLLIN};
  LINUX_ANSWER(poll(&wanted, 1, milliseconds));
}

// Wake-ups

static inline int64_t linux_wake_descriptor(void) { LINUX_ANSWER(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

static inline int64_t linux_wake(int32_t fd) {
  uint64_t one = 1;
  LINUX_ANSWER(write(fd, &one, sizeof(one)));
}

static inline int64_t linux_wake_heard(int32_t fd) {
  uint64_t count;
  LINUX_ANSWER(read(fd, &count, sizeof(count)));
}

// Signals

static const int32_t LINUX_SIGNAL_HANG_UP = SIGHUP;
static const int32_t LINUX_SIGNAL_INTERRUPT = SIGINT;
static const int32_t LINUX_SIGNAL_TERMINATE = SIGTERM;

// Blocks the signals for the calling thread, and for those that it starts from here on, and gives a descriptor to read them from.
static inline int64_t linux_signal_descriptor(const int32_t *signals, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t at = 0; at < count; at++) {
    if (sigaddset(&set, signals[at]) < 0) return -(int64_t)errno;
  }
  int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (failed) return -(int64_t)failed;
  LINUX_ANSWER(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

// The number of the signal.
static inline int64_t linux_next_signal(int32_t fd) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof(info));
  if (count < 0) return -(int64_t)errno;
  return count == sizeof(info) ? (int64_t)info.ssi_signo : -(int64_t)EIO;
}

// Limits

// <sys/resource.h> names an enum differently with and without _GNU_SOURCE, as <sys/select.h> does (see shim.h); the kernel's own call
// and its numbers are the same on every machine this house runs on.
typedef struct {
  uint64_t now;
  uint64_t most;
} linux_limit;

static const int32_t LINUX_OPEN_FILES = 7;

static inline int64_t linux_open_files_max(linux_limit *limit) {
  LINUX_ANSWER(syscall(SYS_prlimit64, 0, LINUX_OPEN_FILES, NULL, limit));
}

static inline int64_t linux_set_open_files_max(const linux_limit *limit) {
  LINUX_ANSWER(syscall(SYS_prlimit64, 0, LINUX_OPEN_FILES, limit, NULL));
}

#endif
