#define _GNU_SOURCE

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { patience_seconds = 10, receive_size = 1 << 18 };

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// MARK: Connections

static int connected(int family, const void *address, socklen_t size, int *result) {
  int connection = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return errno;
  struct timeval patience = {.tv_sec = patience_seconds};
  int yes = 1;
  if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
      setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
      (family == AF_INET && setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) ||
      connect(connection, address, size) < 0) {
    int why = errno;
    close(connection);
    return why;
  }
  *result = connection;
  return 0;
}

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int apus_load_connect_tcp(uint16_t port, int *result) {
  struct sockaddr_in address = loopback(port);
  return connected(AF_INET, &address, sizeof address, result);
}

int apus_load_connect_unix(const char *path, int *result) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return ENAMETOOLONG;
  strcpy(address.sun_path, path);
  return connected(AF_UNIX, &address, sizeof address, result);
}

void apus_load_close(int connection) { close(connection); }

uint16_t apus_load_free_port(void) {
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return 0;
  int found = bind(listener, (struct sockaddr *)&address, size) == 0 &&
              getsockname(listener, (struct sockaddr *)&address, &size) == 0;
  close(listener);
  return found ? ntohs(address.sin_port) : 0;
}

// MARK: One after another

static int broken(void) { return errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno; }

static int send_all(int connection, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return broken();
    bytes += sent;
    size -= (size_t)sent;
  }
  return 0;
}

static int receive_all(int connection, uint8_t *bytes, size_t size) {
  while (size > 0) {
    ssize_t received = recv(connection, bytes, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return broken();
    if (received == 0) return ECONNRESET;
    bytes += received;
    size -= (size_t)received;
  }
  return 0;
}

int apus_load_exchange(int connection, const void *request, size_t request_size, void *reply, size_t reply_size) {
  int why = send_all(connection, request, request_size);
  return why ? why : receive_all(connection, reply, reply_size);
}

static uint64_t payload_sum(const struct apus_load_plan *plan, const uint8_t *reply) {
  uint64_t sum = 0;
  const uint8_t *piece = reply + plan->payload_at;
  for (size_t i = 0; i < plan->payload_count; i++, piece += plan->payload_stride) {
    for (size_t at = 0; at < plan->payload_size; at += 8) {
      uint64_t word;
      memcpy(&word, piece + at, 8);
      sum += apus_load_mix(word);
    }
  }
  return sum;
}

int apus_load_one_by_one(int connection, const struct apus_load_plan *plan, size_t first, size_t count,
                         uint64_t *nanoseconds, uint64_t *sum) {
  uint8_t *reply = malloc(plan->reply_size);
  if (reply == NULL) return ENOMEM;
  int why = 0;
  *sum = 0;
  for (size_t i = 0; i < count && why == 0; i++) {
    size_t request = (first + i) % plan->count;
    size_t start = plan->starts[request];
    uint64_t began = now();
    why = apus_load_exchange(connection, plan->requests + start, plan->starts[request + 1] - start, reply,
                             plan->reply_size);
    nanoseconds[i] = now() - began;
    if (why == 0) *sum += payload_sum(plan, reply);
  }
  free(reply);
  return why;
}

// MARK: Many at once

struct flow {
  int connection;
  size_t next;      // Number of the request that is sent next, of all.
  size_t unsent;    // How many requests may still be sent.
  size_t unanswered;
  size_t held;      // Bytes of replies in the buffer.
  uint8_t *buffer;
};

// Requests that lie behind one another go out in one call.
static int send_requests(struct flow *flow, const struct apus_load_plan *plan, size_t count) {
  if (count > flow->unsent) count = flow->unsent;
  flow->unsent -= count;
  while (count > 0) {
    size_t first = flow->next % plan->count;
    size_t run = plan->count - first < count ? plan->count - first : count;
    int why = send_all(flow->connection, plan->requests + plan->starts[first],
                       plan->starts[first + run] - plan->starts[first]);
    if (why) return why;
    flow->next += run;
    count -= run;
  }
  return 0;
}

static int take_replies(struct flow *flow, const struct apus_load_plan *plan, size_t buffer_size, uint64_t *sum) {
  ssize_t received = recv(flow->connection, flow->buffer + flow->held, buffer_size - flow->held, MSG_DONTWAIT);
  if (received < 0) return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
  if (received == 0) return ECONNRESET;
  size_t held = flow->held + (size_t)received;
  size_t whole = held / plan->reply_size;
  if (whole > flow->unanswered) return EPROTO;
  int why = send_requests(flow, plan, whole);
  for (size_t i = 0; i < whole; i++) *sum += payload_sum(plan, flow->buffer + i * plan->reply_size);
  flow->unanswered -= whole;
  flow->held = held - whole * plan->reply_size;
  memmove(flow->buffer, flow->buffer + whole * plan->reply_size, flow->held);
  return why;
}

int apus_load_pipelined(const int *connections, size_t connection_count, const struct apus_load_plan *plan,
                        size_t window, size_t count, uint64_t *sum) {
  size_t buffer_size = plan->reply_size * window > receive_size ? plan->reply_size * window : receive_size;
  struct flow *flows = calloc(connection_count, sizeof *flows);
  struct epoll_event ready[64];
  int poller = epoll_create1(EPOLL_CLOEXEC);
  int why = flows == NULL ? ENOMEM : poller < 0 ? errno : 0;
  size_t open = connection_count;
  *sum = 0;
  for (size_t i = 0; i < connection_count && why == 0; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    flows[i] = (struct flow){.connection = connections[i], .next = i * count, .unsent = count, .unanswered = count};
    flows[i].buffer = malloc(buffer_size);
    if (flows[i].buffer == NULL) why = ENOMEM;
    else if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[i], &event) < 0) why = errno;
    else why = send_requests(&flows[i], plan, window);
  }
  while (open > 0 && why == 0) {
    int found = epoll_wait(poller, ready, 64, patience_seconds * 1000);
    if (found == 0) why = ETIMEDOUT;
    if (found < 0 && errno != EINTR) why = errno;
    for (int i = 0; i < found && why == 0; i++) {
      struct flow *flow = &flows[ready[i].data.u64];
      why = take_replies(flow, plan, buffer_size, sum);
      if (why == 0 && flow->unanswered == 0) {
        epoll_ctl(poller, EPOLL_CTL_DEL, flow->connection, NULL);
        open -= 1;
      }
    }
  }
  for (size_t i = 0; flows != NULL && i < connection_count; i++) free(flows[i].buffer);
  free(flows);
  if (poller >= 0) close(poller);
  return why;
}

// MARK: Processors

int apus_load_pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (processor >= 0) {
    CPU_SET(processor, &set);
  } else {
    for (int i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &set);
  }
  return sched_setaffinity(0, sizeof set, &set) < 0 ? errno : 0;
}

uint64_t apus_load_processor_nanoseconds(int process) {
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) < 0) return 0;
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
