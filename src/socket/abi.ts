/** The numbers of Linux's socket interface on x86-64, as scripts and programs name them. */

export const AF = { UNSPEC: 0, INET: 2, INET6: 10 } as const;

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3 } as const;
/** Flags that `socket` and `accept` take with the type. */
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_TYPE_MASK = 0xf;

export const MSG = {
  OOB: 1,
  PEEK: 2,
  DONTROUTE: 4,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  EOR: 0x80,
  WAITALL: 0x100,
  CONFIRM: 0x800,
  ERRQUEUE: 0x2000,
  NOSIGNAL: 0x4000,
  MORE: 0x8000,
  ZEROCOPY: 0x4000000,
  /** Not of Linux's ABI: the caller comes back with the rest of its send, or says that it does not. */
  UNFINISHED: 0x8000000,
  /** Nor this: the caller has waited since it began to send. */
  WAITED: 0x10000000,
  FASTOPEN: 0x20000000,
  CMSG_CLOEXEC: 0x40000000,
} as const;

export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;

/** For `poll` and `epoll` alike: the low bits are the same. */
export const POLL = {
  IN: 1,
  PRI: 2,
  OUT: 4,
  ERR: 8,
  HUP: 0x10,
  NVAL: 0x20,
  RDNORM: 0x40,
  RDBAND: 0x80,
  WRNORM: 0x100,
  WRBAND: 0x200,
  RDHUP: 0x2000,
} as const;
export const POLL_READABLE = POLL.IN | POLL.RDNORM;
export const POLL_WRITABLE = POLL.OUT | POLL.WRNORM | POLL.WRBAND;
/** Reported whether asked for or not. */
export const POLL_ALWAYS = POLL.ERR | POLL.HUP;

export const EPOLL = { ADD: 1, DEL: 2, MOD: 3 } as const;
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLLWAKEUP = 1 << 29;
export const EPOLLONESHOT = 1 << 30;
export const EPOLLET = 1 << 31;

export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  DUPFD_CLOEXEC: 1030,
} as const;
export const FD_CLOEXEC = 1;
export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;

export const FIONREAD = 0x541b;
export const SIOCINQ = FIONREAD;
export const SIOCOUTQ = 0x5411;
export const SIOCOUTQNSD = 0x894b;
export const SIOCATMARK = 0x8905;
export const FIONBIO = 0x5421;

export const SOL = { IP: 0, SOCKET: 1, TCP: 6, UDP: 17, IPV6: 41, ICMPV6: 58 } as const;

export const SO = {
  DEBUG: 1,
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  NO_CHECK: 11,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVLOWAT: 18,
  SNDLOWAT: 19,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  BINDTODEVICE: 25,
  ATTACH_FILTER: 26,
  DETACH_FILTER: 27,
  TIMESTAMP: 29,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  TIMESTAMPNS: 35,
  MARK: 36,
  TIMESTAMPING: 37,
  PROTOCOL: 38,
  DOMAIN: 39,
  RXQ_OVFL: 40,
  PEEK_OFF: 42,
  BUSY_POLL: 46,
  MAX_PACING_RATE: 47,
  INCOMING_CPU: 49,
  ATTACH_REUSEPORT_CBPF: 51,
  ATTACH_REUSEPORT_EBPF: 52,
  MEMINFO: 55,
  COOKIE: 57,
  ZEROCOPY: 60,
  TXTIME: 61,
  BINDTOIFINDEX: 62,
} as const;

export const IP_OPT = {
  TOS: 1,
  TTL: 2,
  OPTIONS: 4,
  PKTINFO: 8,
  MTU_DISCOVER: 10,
  RECVERR: 11,
  RECVTTL: 12,
  RECVTOS: 13,
  MTU: 14,
  FREEBIND: 15,
  BIND_ADDRESS_NO_PORT: 24,
  TRANSPARENT: 19,
  MINTTL: 21,
  MULTICAST_IF: 32,
  MULTICAST_TTL: 33,
  MULTICAST_LOOP: 34,
  ADD_MEMBERSHIP: 35,
  DROP_MEMBERSHIP: 36,
  UNBLOCK_SOURCE: 37,
  BLOCK_SOURCE: 38,
  ADD_SOURCE_MEMBERSHIP: 39,
  DROP_SOURCE_MEMBERSHIP: 40,
  MSFILTER: 41,
  MULTICAST_ALL: 49,
  UNICAST_IF: 50,
  LOCAL_PORT_RANGE: 51,
} as const;

/** At SOL_IP and SOL_IPV6 alike (RFC 3678 §5). */
export const MCAST_OPT = {
  JOIN_GROUP: 42,
  BLOCK_SOURCE: 43,
  UNBLOCK_SOURCE: 44,
  LEAVE_GROUP: 45,
  JOIN_SOURCE_GROUP: 46,
  LEAVE_SOURCE_GROUP: 47,
  MSFILTER: 48,
} as const;

export const IPV6_OPT = {
  UNICAST_HOPS: 16,
  MULTICAST_IF: 17,
  MULTICAST_HOPS: 18,
  MULTICAST_LOOP: 19,
  ADD_MEMBERSHIP: 20,
  DROP_MEMBERSHIP: 21,
  MTU_DISCOVER: 23,
  MTU: 24,
  RECVERR: 25,
  V6ONLY: 26,
  MULTICAST_ALL: 29,
  RECVPKTINFO: 49,
  PKTINFO: 50,
  RECVHOPLIMIT: 51,
  HOPLIMIT: 52,
  DONTFRAG: 62,
  RECVTCLASS: 66,
  TCLASS: 67,
  ADDR_PREFERENCES: 72,
  UNICAST_IF: 76,
} as const;

/** For IPV6_ADDR_PREFERENCES (RFC 5014 §3); Linux's numbers. */
export const IPV6_PREFER_SRC = {
  TMP: 0x1,
  PUBLIC: 0x2,
  COA: 0x4,
  PUBTMP_DEFAULT: 0x100,
  CGA: 0x8,
  HOME: 0x400,
  NONCGA: 0x800,
} as const;

export const TCP_OPTION = {
  NODELAY: 1,
  MAXSEG: 2,
  CORK: 3,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  SYNCNT: 7,
  LINGER2: 8,
  DEFER_ACCEPT: 9,
  WINDOW_CLAMP: 10,
  INFO: 11,
  QUICKACK: 12,
  CONGESTION: 13,
  MD5SIG: 14,
  THIN_LINEAR_TIMEOUTS: 16,
  THIN_DUPACK: 17,
  USER_TIMEOUT: 18,
  REPAIR: 19,
  FASTOPEN: 23,
  TIMESTAMP: 24,
  NOTSENT_LOWAT: 25,
  CC_INFO: 26,
  SAVE_SYN: 27,
  SAVED_SYN: 28,
  FASTOPEN_CONNECT: 30,
  ULP: 31,
  FASTOPEN_KEY: 33,
  FASTOPEN_NO_COOKIE: 34,
  ZEROCOPY_RECEIVE: 35,
  INQ: 36,
  TX_DELAY: 37,
} as const;

export const UDP_OPT = { CORK: 1, ENCAP: 100, NO_CHECK6_TX: 101, SEGMENT: 103, GRO: 104 } as const;

/** Who says what stands in a received error (`ee_origin`). */
export const EE_ORIGIN = {
  NONE: 0,
  LOCAL: 1,
  ICMP: 2,
  ICMP6: 3,
  TIMESTAMPING: 4,
  ZEROCOPY: 5,
} as const;
/** `ee_code` of ZEROCOPY. */
export const ZEROCOPY_COPIED = 1;
/** `ee_info` of TIMESTAMPING: SCM_TSTAMP_*. */
export const TSTAMP = { SND: 0, SCHED: 1, ACK: 2 } as const;

/** SOF_TIMESTAMPING_* */
export const STAMPING = {
  TX_HARDWARE: 1,
  TX_SOFTWARE: 1 << 1,
  RX_HARDWARE: 1 << 2,
  RX_SOFTWARE: 1 << 3,
  SOFTWARE: 1 << 4,
  SYS_HARDWARE: 1 << 5,
  RAW_HARDWARE: 1 << 6,
  OPT_ID: 1 << 7,
  TX_SCHED: 1 << 8,
  TX_ACK: 1 << 9,
  OPT_CMSG: 1 << 10,
  OPT_TSONLY: 1 << 11,
  OPT_STATS: 1 << 12,
  OPT_PKTINFO: 1 << 13,
  OPT_TX_SWHW: 1 << 14,
  BIND_PHC: 1 << 15,
  OPT_ID_TCP: 1 << 16,
  OPT_RX_FILTER: 1 << 17,
  TX_COMPLETION: 1 << 18,
} as const;
