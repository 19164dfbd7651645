/*
 * The same calls as the addon, in plain C: the yardstick of the ring benchmark. One ring a process,
 * told what to do on stdin:
 *
 *   "rx <frames>"  ->  "<frames> <bytes> <ns> <bad>"   receives until so many frames are there
 *   "tx <frames>"  ->  "<frames> <bytes> <ns> <bad>"
 *
 *   rings <mode> <interface> <frame bytes> <gso size> [destination MAC]
 *
 * Modes: tap | tap-vnet | recv | recv-vnet | v2 | v2-vnet | v2-queue | v2-queue-vnet | v3 | v3-vnet
 *        tap | tap-vnet | send | sendmmsg | sendmmsg-bypass | sendmmsg-vnet | txring | txring-bypass
 */
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 64
#define CHUNK (256 * 1024 + 64)
#define CHUNKS 24
#define MAX_FRAME 65600
#define PAYLOAD_IN_PAGE 1024

struct tally {
  uint32_t frames, next_seq;
  uint64_t bytes, bad;
};

static const char *mode;
static int fd;
static int vnet_on;
static size_t frame_len;
static size_t seq_at;
static uint8_t *arena; /* CHUNKS chunks: filled back to back, the hottest first, as in the addon */
static size_t chunk, fill;
static uint8_t *ring;
static size_t ring_bytes, ring_next;
static struct tpacket_req3 req;
static volatile uint64_t sum_sink;

/* The checksum pass of frames that nobody vouches for. */
static uint64_t sum_bytes(const uint8_t *p, size_t n) {
  uint64_t lane[8] = {0};
  while (n >= 32) {
    uint32_t w[8];
    memcpy(w, p, 32);
    for (int i = 0; i < 8; i++) lane[i] += w[i];
    p += 32;
    n -= 32;
  }
  uint64_t s = 0;
  for (int i = 0; i < 8; i++) s += lane[i];
  for (; n >= 4; n -= 4, p += 4) {
    uint32_t w;
    memcpy(&w, p, 4);
    s += w;
  }
  while (n-- > 0) s += *p++;
  return s;
}

static uint8_t *place(void) {
  if (fill + MAX_FRAME > CHUNK) {
    chunk = (chunk + 1) % CHUNKS;
    fill = 0;
  }
  return arena + chunk * CHUNK + fill;
}

static void took(struct tally *t, const uint8_t *f, size_t len, int known) {
  fill += (len + 63) & ~(size_t)63;
  if (!known) sum_sink = sum_bytes(f + 14, len - 14);
  if (len != frame_len || get32(f + seq_at) != t->next_seq) t->bad++;
  t->next_seq = get32(f + seq_at) + 1;
  t->frames++;
  t->bytes += len;
}

/* ---- open ---- */

static void open_tap(const char *name) {
  fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) die("/dev/net/tun");
  struct ifreq r;
  memset(&r, 0, sizeof(r));
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  r.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (vnet_on ? IFF_VNET_HDR : 0));
  if (ioctl(fd, TUNSETIFF, &r) != 0) die("TUNSETIFF");
  int size = sizeof(struct virtio_net_hdr);
  if (!vnet_on) return;
  if (ioctl(fd, TUNSETVNETHDRSZ, &size) != 0) die("TUNSETVNETHDRSZ");
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) != 0) die("TUNSETOFFLOAD");
}

static void open_packet(const char *name, int version, int proto, int bypass) {
  fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  int on = 1, big = 64 << 20;
  if (vnet_on && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0) die("PACKET_VNET_HDR");
  if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0) die("PACKET_QDISC_BYPASS");
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0) die("PACKET_IGNORE_OUTGOING");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
  if (version >= 0) {
    if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0) die("PACKET_VERSION");
    req.tp_block_size = 1 << 20;
    req.tp_block_nr = proto ? 32 : 4;
    /* 1664: slots for the MTU, larger frames wait in the queue; 69904: slots for a super-frame. */
    const int queue = strstr(mode, "queue") != NULL;
    if (queue && setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &on, sizeof(on)) != 0) die("PACKET_COPY_THRESH");
    if (queue) req.tp_block_nr = 4;
    req.tp_frame_size = !proto || version != TPACKET_V2 ? 2048 : queue ? 1664 : 69904;
    req.tp_frame_nr = req.tp_block_size / req.tp_frame_size * req.tp_block_nr;
    if (version == TPACKET_V3) req.tp_retire_blk_tov = 1;
    const size_t size = version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req);
    if (setsockopt(fd, SOL_PACKET, proto ? PACKET_RX_RING : PACKET_TX_RING, &req, (socklen_t)size) != 0) die("RING");
    ring_bytes = (size_t)req.tp_block_size * req.tp_block_nr;
    ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ring == MAP_FAILED) die("mmap");
  }
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)proto)};
  at.sll_ifindex = (int)if_nametoindex(name);
  if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) die("bind");
}

/* ---- receive ---- */

static int known(const struct virtio_net_hdr *h) { return vnet_on && h->flags != 0; }

static int rx_read(struct tally *t) {
  struct virtio_net_hdr h;
  uint8_t *at = place();
  struct iovec v[2] = {{&h, sizeof(h)}, {at, MAX_FRAME}};
  const ssize_t n = vnet_on ? readv(fd, v, 2) : read(fd, at, MAX_FRAME);
  if (n < 0) return errno == EAGAIN ? 0 : (die("read"), 0);
  took(t, at, (size_t)n - (vnet_on ? sizeof(h) : 0), known(&h));
  return 1;
}

static struct tpacket2_hdr *v2_slot(size_t i) {
  const size_t per = req.tp_block_size / req.tp_frame_size;
  return (void *)(ring + i / per * req.tp_block_size + i % per * req.tp_frame_size);
}

static int rx_v2(struct tally *t) {
  struct tpacket2_hdr *s = v2_slot(ring_next);
  if (!(__atomic_load_n(&s->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return 0;
  if (s->tp_status & TP_STATUS_COPY) {
    rx_read(t);
    __atomic_store_n(&s->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    if (++ring_next == req.tp_frame_nr) ring_next = 0;
    return 1;
  }
  const uint8_t *f = (uint8_t *)s + s->tp_mac;
  uint8_t *at = place();
  memcpy(at, f, s->tp_snaplen);
  const struct virtio_net_hdr *h = (const void *)(f - sizeof(*h));
  const size_t len = s->tp_snaplen;
  __atomic_store_n(&s->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  took(t, at, len, known(h));
  if (++ring_next == req.tp_frame_nr) ring_next = 0;
  return 1;
}

static int rx_v3(struct tally *t) {
  struct tpacket_block_desc *b = (void *)(ring + ring_next * req.tp_block_size);
  if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return 0;
  struct tpacket3_hdr *p = (void *)((uint8_t *)b + b->hdr.bh1.offset_to_first_pkt);
  for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
    uint8_t *at = place();
    const uint8_t *f = (uint8_t *)p + p->tp_mac;
    memcpy(at, f, p->tp_snaplen);
    took(t, at, p->tp_snaplen, known((const void *)(f - sizeof(struct virtio_net_hdr))));
    p = (void *)((uint8_t *)p + p->tp_next_offset);
  }
  __atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  if (++ring_next == req.tp_block_nr) ring_next = 0;
  return 1;
}

/* ---- transmit ---- */

static struct virtio_net_hdr tx_vnet;
static uint8_t tx_frame[MAX_FRAME];
static uint8_t tx_pages[MAX_FRAME + PAYLOAD_IN_PAGE] __attribute__((aligned(4096)));
static uint8_t *const tx_payload = tx_pages + PAYLOAD_IN_PAGE;

static void number(struct tally *t) { put32(tx_frame + seq_at, t->next_seq++); }

/*
 * A header slot and one piece of payload from elsewhere, gathered: as the stack sends. The payload lies
 * as far into its page as on the other side. It matters: the kernel copies with `rep movsb`, and where
 * the payload is up to 63 bytes lower in its page than the copy in its own, that is 1.5 times (of
 * 65,226 bytes: 9 times) as slow.
 */
static int tx_iov(struct iovec *v) {
  int n = 0;
  if (vnet_on) v[n++] = (struct iovec){&tx_vnet, sizeof(tx_vnet)};
  v[n++] = (struct iovec){tx_frame, TCP_HEADERS};
  v[n++] = (struct iovec){tx_payload, frame_len - TCP_HEADERS};
  return n;
}

static int tx_one(struct tally *t, int is_socket) {
  struct iovec v[3];
  struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)tx_iov(v)};
  number(t);
  const ssize_t n = is_socket ? sendmsg(fd, &m, 0) : writev(fd, v, (int)m.msg_iovlen);
  if (n < 0) die("send");
  return 1;
}

static int tx_many(struct tally *t, uint32_t want) {
  static struct mmsghdr m[BATCH];
  static struct iovec v[BATCH][3];
  const uint32_t n = want < BATCH ? want : BATCH;
  for (uint32_t i = 0; i < n; i++) {
    m[i].msg_hdr.msg_iov = v[i];
    m[i].msg_hdr.msg_iovlen = (size_t)tx_iov(v[i]);
  }
  number(t);
  const int done = sendmmsg(fd, m, n, 0);
  if (done < 0) die("sendmmsg");
  return done;
}

static int tx_ring(uint32_t want) {
  uint32_t n = want < BATCH ? want : BATCH;
  for (uint32_t i = 0; i < n; i++) {
    struct tpacket2_hdr *s = v2_slot(ring_next);
    if (__atomic_load_n(&s->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) {
      n = i;
      break;
    }
    memcpy((uint8_t *)s + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), tx_frame, frame_len);
    s->tp_len = (uint32_t)frame_len;
    __atomic_store_n(&s->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
    if (++ring_next == req.tp_frame_nr) ring_next = 0;
  }
  if (send(fd, NULL, 0, MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ENOBUFS) die("send");
  return (int)n;
}

/* ---- */

static void run_rx(struct tally *t, uint32_t want) {
  uint64_t idle = now_ns();
  while (t->frames < want) {
    const uint32_t before = t->frames;
    if (mode[0] == 't' || mode[0] == 'r') rx_read(t);
    else if (mode[1] == '2') rx_v2(t);
    else rx_v3(t);
    if (t->frames != before) idle = 0;
    else if (idle == 0) idle = now_ns();
    else if (now_ns() - idle > 500000000u) return;
  }
}

static void run_tx(struct tally *t, uint32_t want) {
  while (t->frames < want) {
    if (strncmp(mode, "sendmmsg", 8) == 0) t->frames += (uint32_t)tx_many(t, want - t->frames);
    else if (strncmp(mode, "txring", 6) == 0) t->frames += (uint32_t)tx_ring(want - t->frames);
    else t->frames += (uint32_t)tx_one(t, mode[0] == 's');
  }
  t->bytes = (uint64_t)t->frames * frame_len;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  mode = argv[1];
  frame_len = (size_t)atoi(argv[3]);
  const int gso = atoi(argv[4]);
  vnet_on = strstr(mode, "vnet") != NULL;
  if (frame_len < 66 || frame_len > 65549) return 2;
  uint8_t mac[6] = {0x02, 0, 0, 0, 0xbe, 2};
  if (argc > 5) parse_mac(argv[5], mac);
  seq_at = make_frame(tx_frame, frame_len, gso != 0, mac);
  memcpy(tx_payload, tx_frame + TCP_HEADERS, frame_len - TCP_HEADERS);
  if (gso) {
    tx_vnet = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4};
    tx_vnet.hdr_len = TCP_HEADERS;
    tx_vnet.gso_size = (uint16_t)gso;
    tx_vnet.csum_start = 34;
    tx_vnet.csum_offset = 16;
  }
  arena = aligned_alloc(64, (size_t)CHUNK * CHUNKS);
  memset(arena, 0, (size_t)CHUNK * CHUNKS);
  const int bypass = strstr(mode, "bypass") != NULL;
  if (mode[0] == 't' && mode[1] == 'a') open_tap(argv[2]);
  else if (mode[0] == 'r') open_packet(argv[2], -1, 3, 0);
  else if (mode[0] == 's') open_packet(argv[2], -1, 0, bypass);
  else if (mode[0] == 't') open_packet(argv[2], TPACKET_V2, 0, bypass);
  else open_packet(argv[2], mode[1] == '2' ? TPACKET_V2 : TPACKET_V3, 3, 0);
  printf("ready\n");
  fflush(stdout);

  char line[64];
  uint32_t seq = 0;
  while (fgets(line, sizeof(line), stdin) != NULL) {
    struct tally t = {.next_seq = seq};
    chunk = 0;
    fill = 0;
    const uint64_t start = now_ns();
    if (line[0] == 'r') run_rx(&t, (uint32_t)atoi(line + 3));
    else run_tx(&t, (uint32_t)atoi(line + 3));
    const uint64_t ns = now_ns() - start;
    seq = t.next_seq;
    printf("%u %llu %llu %llu\n", t.frames, (unsigned long long)t.bytes, (unsigned long long)ns, (unsigned long long)t.bad);
    fflush(stdout);
  }
  return 0;
}
