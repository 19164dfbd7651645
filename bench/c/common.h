/* What the two bench programs share: the frames, the clock, and leaving with a reason. */
#ifndef RINGWAY_BENCH_COMMON_H
#define RINGWAY_BENCH_COMMON_H

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Local experimental ethertype: the kernel drops such frames right after counting them. */
#define BENCH_ETHERTYPE 0x88b5
/* Frame: 14 bytes of Ethernet, the sequence number (big-endian) at 14, then a pattern of the offset. */
#define SEQ_AT 14

/* Ethernet, IPv4, and TCP with time stamps: what is sent from a header slot, the rest from elsewhere. */
#define TCP_HEADERS 66

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void put32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

static inline uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * An ordinary frame carries BENCH_ETHERTYPE. A super-frame has to look like TCP over IPv4, or the
 * kernel does not take its GSO type; the sequence number is then the time stamp of its TCP options.
 */
static inline size_t make_frame(uint8_t *f, size_t len, int super, const uint8_t *dst) {
  memcpy(f, dst, 6);
  memcpy(f + 6, "\x02\x00\x00\x00\xbe\x01", 6);
  for (size_t i = 14; i < len; i++) f[i] = (uint8_t)(i * 7 + (i >> 8));
  if (!super) {
    f[12] = BENCH_ETHERTYPE >> 8;
    f[13] = BENCH_ETHERTYPE & 255;
    return SEQ_AT;
  }
  static const uint8_t ip[20] = {0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2};
  f[12] = 0x08;
  f[13] = 0x00;
  memcpy(f + 14, ip, 20);
  f[16] = (uint8_t)((len - 14) >> 8);
  f[17] = (uint8_t)(len - 14);
  memset(f + 34, 0, 20);
  f[34] = 0x13; /* ports 5000 -> 5001 */
  f[35] = 0x88;
  f[36] = 0x13;
  f[37] = 0x89;
  f[46] = 0x80;
  f[47] = 0x10;
  memcpy(f + 54, "\x01\x01\x08\x0a", 4);
  return 58;
}

/* The address given as aa:bb:cc:dd:ee:ff. */
static inline void parse_mac(const char *text, uint8_t *mac) {
  unsigned b[6];
  if (sscanf(text, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6) {
    fprintf(stderr, "not a MAC address: %s\n", text);
    exit(2);
  }
  for (int i = 0; i < 6; i++) mac[i] = (uint8_t)b[i];
}

#endif
