/*
 * Floods of the flood benchmark: frames with made-up addresses and numbers, through AF_PACKET, as fast as this
 * core makes them, with a bound of their number and of the time.
 *
 *   flood <interface> <destination MAC>     told what to send on stdin, a line each:
 *
 *   <kind> <address> <port> <peer address> <peer port> <most frames> <most ms>   ->   "<sent> <refused> <ns>"
 *
 *        syn     SYNs from anywhere, every other one with timestamps
 *        ack     ACKs from anywhere, of nothing
 *        text    100 bytes from the peer's address and port, with any sequence number
 *        udp     datagrams from anywhere
 *        sum     ACKs from anywhere whose checksum is wrong
 *
 * Anywhere is 198.18.0.0/15 (RFC 2544), or 2001:2::/48 (RFC 5180). A further line ends a flood before its time.
 * Refused is what the device's queue did not take and told us of; what is dropped behind our back it counts.
 */
#include "common.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 32
#define ETHERNET 14
#define TEXT 100

static uint8_t frame[BATCH][256];
static size_t frame_len[BATCH];
static uint64_t state;

struct flood {
  const char *kind;
  int v6;
  uint8_t to[16], peer[16];
  uint16_t port, peer_port;
};

/* splitmix64: any number will do, but the same ones in each run. */
static uint64_t any(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void put16(uint8_t *p, unsigned v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t so_far) {
  for (size_t i = 0; i + 1 < len; i += 2) so_far += (uint32_t)(p[i] << 8 | p[i + 1]);
  return so_far;
}

static unsigned checksum(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

static int is_kind(const struct flood *f, const char *kind) { return strcmp(f->kind, kind) == 0; }

/* Everything that stays the same from frame to frame of one place in the batch. */
static void prepare(const struct flood *f, int i, const uint8_t *to_mac) {
  static const uint8_t full[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7};
  uint8_t *p = frame[i];
  memset(p, 0, sizeof(frame[i]));
  memcpy(p, to_mac, 6);
  memcpy(p + 6, "\x02\x00\x00\x00\xbe\x01", 6);
  put16(p + 12, f->v6 ? 0x86dd : 0x0800);
  uint8_t *l3 = p + ETHERNET;
  uint8_t *l4 = l3 + (f->v6 ? 40 : 20);
  const int is_udp = is_kind(f, "udp"), is_syn = is_kind(f, "syn");
  const size_t options = is_syn ? (i & 1 ? sizeof(full) : 4) : 0;
  const size_t text = is_udp ? 20 : is_kind(f, "text") ? TEXT : 0;
  const size_t len = (is_udp ? 8 : 20 + options) + text;
  put16(l4 + 2, f->port);
  if (is_udp) {
    put16(l4 + 4, (unsigned)len);
  } else {
    l4[12] = (uint8_t)((20 + options) << 2);
    l4[13] = is_syn ? 0x02 : 0x10;
    put16(l4 + 14, 64240);
    memcpy(l4 + 20, full, options);
  }
  if (f->v6) {
    l3[0] = 0x60;
    put16(l3 + 4, (unsigned)len);
    l3[6] = is_udp ? 17 : 6;
    l3[7] = 64;
    memcpy(l3 + 8, "\x20\x01\x00\x02", 4);
    memcpy(l3 + 24, f->to, 16);
    if (is_kind(f, "text")) memcpy(l3 + 8, f->peer, 16);
  } else {
    l3[0] = 0x45;
    put16(l3 + 2, (unsigned)(20 + len));
    l3[6] = 0x40;
    l3[8] = 64;
    l3[9] = is_udp ? 17 : 6;
    memcpy(l3 + 12, "\xc6\x12", 2);
    memcpy(l3 + 16, f->to, 4);
    if (is_kind(f, "text")) memcpy(l3 + 12, f->peer, 4);
  }
  if (is_kind(f, "text")) put16(l4, f->peer_port);
  frame_len[i] = (size_t)(l4 - p) + len;
}

/* Another source, another number, and the checksums. */
static void vary(const struct flood *f, int i) {
  uint8_t *l3 = frame[i] + ETHERNET;
  uint8_t *l4 = l3 + (f->v6 ? 40 : 20);
  const size_t len = frame_len[i] - (size_t)(l4 - frame[i]);
  const int is_udp = is_kind(f, "udp");
  const uint64_t a = any(), b = any();
  if (!is_kind(f, "text")) {
    if (f->v6) put32(l3 + 20, (uint32_t)a);
    else put32(l3 + 12, 0xc6120000u | ((uint32_t)a & 0x1ffffu));
    put16(l4, 1024 + (unsigned)((a >> 32) & 0x7fff));
  }
  if (!is_udp) {
    put32(l4 + 4, (uint32_t)b);
    if (l4[13] == 0x10) put32(l4 + 8, (uint32_t)(b >> 32));
  }
  if (!f->v6) {
    put16(l3 + 10, 0);
    put16(l3 + 10, checksum(sum(l3, 20, 0)));
  }
  uint8_t *at = l4 + (is_udp ? 6 : 16);
  put16(at, 0);
  const uint32_t pseudo = (uint32_t)len + (is_udp ? 17 : 6);
  const uint32_t ends = f->v6 ? sum(l3 + 8, 32, 0) : sum(l3 + 12, 8, 0);
  const unsigned good = checksum(sum(l4, len, pseudo + ends));
  put16(at, is_kind(f, "sum") ? good ^ 0x5a5a : good);
}

static int is_told_to_stop(void) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  return poll(&in, 1, 0) != 0;
}

static void run(const struct flood *f, int fd, uint64_t most, uint64_t limit_ns) {
  struct iovec iov[BATCH];
  struct mmsghdr msg[BATCH];
  memset(msg, 0, sizeof(msg));
  for (int i = 0; i < BATCH; i++) {
    iov[i] = (struct iovec){frame[i], frame_len[i]};
    msg[i].msg_hdr.msg_iov = &iov[i];
    msg[i].msg_hdr.msg_iovlen = 1;
  }
  const uint64_t start = now_ns();
  uint64_t sent = 0, refused = 0;
  while (sent + refused < most && now_ns() - start < limit_ns && !is_told_to_stop()) {
    for (int i = 0; i < BATCH; i++) vary(f, i);
    for (int at = 0; at < BATCH;) {
      const int done = sendmmsg(fd, msg + at, (unsigned)(BATCH - at), 0);
      if (done > 0) {
        sent += (uint64_t)done;
        at += done;
      } else if (errno == ENOBUFS) {
        refused++;
        at++;
      } else if (errno != EINTR) {
        die("sendmmsg");
      }
    }
  }
  printf("%llu %llu %llu\n", (unsigned long long)sent, (unsigned long long)refused,
         (unsigned long long)(now_ns() - start));
  fflush(stdout);
}

static int read_address(const char *text, int v6, uint8_t *into) {
  return inet_pton(v6 ? AF_INET6 : AF_INET, text, into);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) die("socket");
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (to.sll_ifindex == 0) die(argv[1]);
  if (bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0) die("bind");
  uint8_t to_mac[6];
  parse_mac(argv[2], to_mac);

  setvbuf(stdin, NULL, _IONBF, 0); /* a line that ends a flood is seen by poll */
  char line[256], kind[8], address[64], peer[64];
  unsigned port, peer_port;
  unsigned long long most, ms;
  while (fgets(line, sizeof(line), stdin) != NULL) {
    if (line[0] == '\n') continue; /* it has ended already */
    if (sscanf(line, "%7s %63s %u %63s %u %llu %llu", kind, address, &port, peer, &peer_port, &most, &ms) != 7) {
      return 2;
    }
    struct flood f = {.kind = kind, .v6 = strchr(address, ':') != NULL};
    f.port = (uint16_t)port;
    f.peer_port = (uint16_t)peer_port;
    if (!read_address(address, f.v6, f.to) || !read_address(peer, f.v6, f.peer)) return 2;
    for (int i = 0; i < BATCH; i++) prepare(&f, i, to_mac);
    run(&f, fd, most, ms * 1000000u);
  }
  return 0;
}
