/*
 * The kernel's side of the TCP benchmark: blocking sockets, nothing clever, the same program at every
 * kernel end of a wire.
 *
 * Its last argument is the congestion control of its connections.
 *
 *   tcp-peer serve <first port> <cc>   one connection after the other, until stdin ends:
 *        port + 0  reads to the end of the stream, closes
 *        port + 1  reads how many bytes (8, big-endian), writes so many, closes
 *        port + 2  answers every byte with the same
 *        port + 3  closes when the peer has closed
 *
 *   tcp-peer client <cc>            told what to do on stdin, a line each; answers with a line
 *        push <address> <port> <bytes> <check>   "<ns>"   until the peer has read and closed
 *        pull <address> <port> <bytes> <check>   "<ns>"   from the request to the end of the stream
 *        ping <address> <port> <count> 0         "<p50 ns> <p99 ns>"
 *        open <address> <port> <count> 0         "<ns>"   connect, close, wait for the peer's FIN
 *        push-ms <address> <port> <ms> 0         "<bytes> <ns>"   as push, for so long
 *        pull-ms <address> <port> <ms> 0         "<bytes> <ns>"   as pull, and then a reset
 *        dial <address> <port> <ms> 0            "<begun> <echoed> <p50 ns> <p90 ns> <most ns>"   a new connection
 *                                                every 10 ms, each until its byte came back, or for 8 s
 *
 * With <check> every byte read is compared with the pattern; without, only counted. What is missing or
 * wrong ends the program with a reason.
 */
#include "common.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (128 * 1024)

static uint8_t pattern[2 * BUFFER], buffer[BUFFER];
static const char *congestion;

/* Both sides send these 128 KiB over and over. */
static void make_pattern(void) {
  for (size_t i = 0; i < sizeof(pattern); i++) {
    const size_t at = i % BUFFER;
    pattern[i] = (uint8_t)(at * 7 + (at >> 8));
  }
}

static void write_all(int fd, const uint8_t *from, size_t len) {
  while (len > 0) {
    const ssize_t n = write(fd, from, len);
    if (n <= 0) die("write");
    from += n;
    len -= (size_t)n;
  }
}

static void write_pattern(int fd, uint64_t bytes) {
  while (bytes > 0) {
    const size_t n = bytes < BUFFER ? (size_t)bytes : BUFFER;
    write_all(fd, pattern, n);
    bytes -= n;
  }
}

static uint64_t read_pattern(int fd, int check) {
  uint64_t got = 0;
  for (;;) {
    const ssize_t n = read(fd, buffer, BUFFER);
    if (n < 0) die("read");
    if (n == 0) return got;
    if (check && memcmp(buffer, pattern + got % BUFFER, (size_t)n) != 0) {
      fprintf(stderr, "wrong bytes near %llu\n", (unsigned long long)got);
      exit(1);
    }
    got += (uint64_t)n;
  }
}

static void want(uint64_t got, uint64_t wanted) {
  if (got == wanted) return;
  fprintf(stderr, "%llu of %llu bytes\n", (unsigned long long)got, (unsigned long long)wanted);
  exit(1);
}

static int tcp_socket(int family, int flags) {
  const int fd = socket(family, SOCK_STREAM | flags, 0);
  if (fd < 0) die("socket");
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)) != 0) die(congestion);
  return fd;
}

// ---- The server ----

static void serve_one(int fd, int what) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (what == 0 || what == 3) {
    while (read(fd, buffer, BUFFER) > 0) continue;
  } else if (what == 1) {
    uint8_t ask[8];
    if (recv(fd, ask, 8, MSG_WAITALL) == 8) {
      write_pattern(fd, (uint64_t)get32(ask) << 32 | get32(ask + 4));
    }
  } else {
    ssize_t n;
    while ((n = read(fd, buffer, BUFFER)) > 0) write_all(fd, buffer, (size_t)n);
  }
  close(fd);
}

static int serve(int port) {
  struct pollfd fds[5] = {{.fd = 0, .events = POLLIN}};
  for (int i = 0; i < 4; i++) {
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(port + i))};
    int on = 1;
    fds[1 + i] = (struct pollfd){.fd = tcp_socket(AF_INET6, 0), .events = POLLIN};
    setsockopt(fds[1 + i].fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fds[1 + i].fd, (struct sockaddr *)&at, sizeof(at)) != 0) die("bind");
    if (listen(fds[1 + i].fd, 128) != 0) die("listen");
  }
  puts("listening");
  fflush(stdout);
  for (;;) {
    if (poll(fds, 5, -1) < 0) die("poll");
    if (fds[0].revents != 0) return 0;
    for (int i = 0; i < 4; i++) {
      if (fds[1 + i].revents == 0) continue;
      const int fd = accept(fds[1 + i].fd, NULL, NULL);
      if (fd < 0) die("accept");
      serve_one(fd, i);
    }
  }
}

// ---- The client ----

static struct addrinfo *target;

static int connect_to(void) {
  const int fd = tcp_socket(target->ai_family, 0);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(fd, target->ai_addr, target->ai_addrlen) != 0) die("connect");
  return fd;
}

static void push(uint64_t bytes) {
  const int fd = connect_to();
  const uint64_t start = now_ns();
  write_pattern(fd, bytes);
  shutdown(fd, SHUT_WR);
  if (read(fd, buffer, 1) != 0) die("the end of the stream");
  printf("%llu\n", (unsigned long long)(now_ns() - start));
  close(fd);
}

static void pull(uint64_t bytes, int check) {
  const int fd = connect_to();
  uint8_t ask[8];
  put32(ask, (uint32_t)(bytes >> 32));
  put32(ask + 4, (uint32_t)bytes);
  const uint64_t start = now_ns();
  write_all(fd, ask, 8);
  want(read_pattern(fd, check), bytes);
  printf("%llu\n", (unsigned long long)(now_ns() - start));
  close(fd);
}

static int by_size(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void ping(uint64_t count) {
  uint64_t *ns = calloc(count, sizeof(*ns));
  const int fd = connect_to();
  for (uint64_t i = 0; i < count; i++) {
    const uint8_t sent = (uint8_t)i;
    const uint64_t start = now_ns();
    write_all(fd, &sent, 1);
    if (read(fd, buffer, 1) != 1 || buffer[0] != sent) die("echo");
    ns[i] = now_ns() - start;
  }
  close(fd);
  qsort(ns, count, sizeof(*ns), by_size);
  printf("%llu %llu\n", (unsigned long long)ns[count / 2], (unsigned long long)ns[count * 99 / 100]);
  free(ns);
}

static void open_and_close(uint64_t count) {
  const uint64_t start = now_ns();
  for (uint64_t i = 0; i < count; i++) {
    const int fd = connect_to();
    shutdown(fd, SHUT_WR);
    if (read(fd, buffer, 1) != 0) die("the end of the stream");
    close(fd);
  }
  printf("%llu\n", (unsigned long long)(now_ns() - start));
}

static void push_for(uint64_t limit_ns) {
  const int fd = connect_to();
  const uint64_t start = now_ns();
  uint64_t bytes = 0;
  for (; now_ns() - start < limit_ns; bytes += BUFFER) write_all(fd, pattern, BUFFER);
  shutdown(fd, SHUT_WR);
  if (read(fd, buffer, 1) != 0) die("the end of the stream");
  printf("%llu %llu\n", (unsigned long long)bytes, (unsigned long long)(now_ns() - start));
  close(fd);
}

static void pull_for(uint64_t limit_ns) {
  const int fd = connect_to();
  uint8_t ask[8];
  put32(ask, 1 << 16);
  put32(ask + 4, 0);
  const uint64_t start = now_ns();
  write_all(fd, ask, 8);
  uint64_t bytes = 0;
  while (now_ns() - start < limit_ns) {
    const ssize_t n = read(fd, buffer, BUFFER);
    if (n <= 0) die("read");
    bytes += (uint64_t)n;
  }
  printf("%llu %llu\n", (unsigned long long)bytes, (unsigned long long)(now_ns() - start));
  close(fd);
}

#define DIALS 1024
#define DIAL_EVERY_NS 10000000u
#define DIAL_LIMIT_NS 8000000000u

/* One more connection to the target, whose first byte is written as soon as it stands. */
static int dial_one(void) {
  const int fd = tcp_socket(target->ai_family, SOCK_NONBLOCK);
  if (connect(fd, target->ai_addr, target->ai_addrlen) != 0 && errno != EINPROGRESS) die("connect");
  return fd;
}

static void hang_up(struct pollfd *at) {
  const struct linger none = {.l_onoff = 1, .l_linger = 0};
  setsockopt(at->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  close(at->fd);
  at->fd = -1;
}

static void dial(uint64_t limit_ns) {
  static struct pollfd fds[DIALS];
  static uint64_t begun_ns[DIALS], took[DIALS];
  const uint64_t start = now_ns();
  int begun = 0, waiting = 0, echoed = 0;
  for (;;) {
    const uint64_t now = now_ns();
    const int is_due = now - start < limit_ns && begun < DIALS;
    if (is_due && now - start >= (uint64_t)begun * DIAL_EVERY_NS) {
      fds[begun] = (struct pollfd){.fd = dial_one(), .events = POLLOUT};
      begun_ns[begun++] = now;
      waiting++;
    }
    if (!is_due && waiting == 0) break;
    poll(fds, (nfds_t)begun, 2);
    for (int i = 0; i < begun; i++) {
      if (fds[i].fd < 0) continue;
      uint8_t byte = (uint8_t)i;
      if ((fds[i].revents & POLLOUT) && write(fds[i].fd, &byte, 1) == 1) fds[i].events = POLLIN;
      const int is_back = (fds[i].revents & POLLIN) && read(fds[i].fd, &byte, 1) == 1 && byte == (uint8_t)i;
      if (is_back) took[echoed++] = now_ns() - begun_ns[i];
      else if (!(fds[i].revents & (POLLERR | POLLHUP)) && now - begun_ns[i] < DIAL_LIMIT_NS) continue;
      hang_up(&fds[i]);
      waiting--;
    }
  }
  qsort(took, (size_t)echoed, sizeof(*took), by_size);
  const int last = echoed > 0 ? echoed - 1 : 0;
  printf("%d %d %llu %llu %llu\n", begun, echoed, (unsigned long long)took[last / 2],
         (unsigned long long)took[last * 9 / 10], (unsigned long long)took[last]);
}

static int client(void) {
  char line[256], what[8], address[64], port[8];
  unsigned long long amount;
  int check;
  while (fgets(line, sizeof(line), stdin) != NULL) {
    if (sscanf(line, "%7s %63s %7s %llu %d", what, address, port, &amount, &check) != 5) return 2;
    const struct addrinfo how = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    if (getaddrinfo(address, port, &how, &target) != 0) return 2;
    if (strcmp(what, "push") == 0) push(amount);
    else if (strcmp(what, "pull") == 0) pull(amount, check);
    else if (strcmp(what, "ping") == 0) ping(amount);
    else if (strcmp(what, "open") == 0) open_and_close(amount);
    else if (strcmp(what, "push-ms") == 0) push_for(amount * 1000000u);
    else if (strcmp(what, "pull-ms") == 0) pull_for(amount * 1000000u);
    else if (strcmp(what, "dial") == 0) dial(amount * 1000000u);
    else return 2;
    freeaddrinfo(target);
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char **argv) {
  make_pattern();
  if (argc < 3) return 2;
  congestion = argv[argc - 1];
  if (argc == 4 && strcmp(argv[1], "serve") == 0) return serve(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "client") == 0) return client();
  return 2;
}
