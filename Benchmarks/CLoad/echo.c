// What any server that waits with epoll must do at the least: wait, receive, send.

#define _GNU_SOURCE

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { room_size = 1 << 16, connections_max = 1024 };

static int listening(int poller, int family, const void *address, socklen_t size) {
  int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (listener < 0 || bind(listener, address, size) < 0 || listen(listener, 128) < 0 ||
      epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0)
    return -1;
  return listener;
}

static int welcome(int poller, int listener, int is_tcp) {
  int yes = 1;
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return errno == EAGAIN || errno == ECONNABORTED ? 0 : errno;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
  if (connection >= connections_max) return EMFILE;
  if (is_tcp && setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) return errno;
  return epoll_ctl(poller, EPOLL_CTL_ADD, connection, &event) < 0 ? errno : 0;
}

int apus_echo_serve(uint16_t port, const char *path, size_t request_size, size_t reply_size) {
  static uint8_t room[room_size];
  static size_t begun[connections_max];
  size_t replies_max = room_size / request_size + 1;
  uint8_t *replies = calloc(replies_max, reply_size);
  if (replies == NULL) return ENOMEM;
  for (size_t i = 0; i < replies_max; i++) {
    for (uint64_t word = 0; 8 * word + 8 <= reply_size; word++) {
      memcpy(replies + i * reply_size + 8 * word, &word, 8);
    }
  }
  struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons(port)};
  tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof local.sun_path) return ENAMETOOLONG;
  strcpy(local.sun_path, path);
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) return errno;
  int tcp_listener = listening(poller, AF_INET, &tcp, sizeof tcp);
  int local_listener = listening(poller, AF_UNIX, &local, sizeof local);
  if (tcp_listener < 0 || local_listener < 0) return errno;
  for (;;) {
    struct epoll_event ready[64];
    int found = epoll_wait(poller, ready, 64, -1);
    if (found < 0 && errno != EINTR) return errno;
    for (int i = 0; i < found; i++) {
      int one = ready[i].data.fd;
      if (one == tcp_listener || one == local_listener) {
        int why = welcome(poller, one, one == tcp_listener);
        if (why) return why;
        continue;
      }
      ssize_t received = recv(one, room, room_size, 0);
      if (received <= 0) {
        begun[one] = 0;
        close(one);
        continue;
      }
      size_t held = begun[one] + (size_t)received;
      size_t left = held / request_size * reply_size;
      begun[one] = held % request_size;
      const uint8_t *next = replies;
      while (left > 0) {
        ssize_t sent = send(one, next, left, MSG_NOSIGNAL);
        if (sent < 0) break;
        next += sent;
        left -= (size_t)sent;
      }
    }
  }
}
