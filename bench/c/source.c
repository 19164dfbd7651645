/*
 * Traffic source of the ring benchmark: sends frames into an interface through AF_PACKET, a given
 * number at a time, as told on stdin:  "<frames>\n"  ->  "<frames sent> <ns>\n".
 *
 *   source <interface> <frame bytes> <gso size, 0 = ordinary> <destination MAC>
 */
#include "common.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 32

static uint8_t frames[BATCH][65600];
static struct virtio_net_hdr vnet;

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const size_t len = (size_t)atoi(argv[2]);
  const int gso = atoi(argv[3]);
  if (len < 64 || len > 65549) return 2;
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) die("socket");
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (to.sll_ifindex == 0) die(argv[1]);
  if (bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0) die("bind");
  int on = 1;
  if (gso && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0) die("PACKET_VNET_HDR");
  uint8_t mac[6];
  parse_mac(argv[4], mac);

  size_t seq_at = 0;
  for (int i = 0; i < BATCH; i++) seq_at = make_frame(frames[i], len, gso != 0, mac);
  if (gso) {
    vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    vnet.gso_size = (uint16_t)gso;
    vnet.hdr_len = TCP_HEADERS;
    vnet.csum_start = 34;
    vnet.csum_offset = 16;
  }
  struct iovec iov[BATCH][2];
  struct mmsghdr msg[BATCH];
  memset(msg, 0, sizeof(msg));
  for (int i = 0; i < BATCH; i++) {
    iov[i][0] = (struct iovec){&vnet, sizeof(vnet)};
    iov[i][1] = (struct iovec){frames[i], len};
    msg[i].msg_hdr.msg_iov = gso ? iov[i] : iov[i] + 1;
    msg[i].msg_hdr.msg_iovlen = gso ? 2 : 1;
  }

  char line[64];
  uint32_t seq = 0;
  while (fgets(line, sizeof(line), stdin) != NULL) {
    const uint32_t want = (uint32_t)atoi(line);
    const uint64_t start = now_ns();
    uint32_t sent = 0;
    while (sent < want) {
      uint32_t n = want - sent < BATCH ? want - sent : BATCH;
      for (uint32_t i = 0; i < n; i++) put32(frames[i] + seq_at, seq + i);
      const int done = sendmmsg(fd, msg, n, 0);
      if (done < 0) {
        if (errno == EINTR || errno == ENOBUFS) continue;
        die("sendmmsg");
      }
      sent += (uint32_t)done;
      seq += (uint32_t)done;
    }
    printf("%u %llu\n", sent, (unsigned long long)(now_ns() - start));
    fflush(stdout);
  }
  return 0;
}
