/**
 * What must happen in the states after the peer's FIN: see `state-table-opening`. One answer of Linux 6.18 differs:
 * it tells of urgent data behind the peer's FIN, which RFC 9293 §3.10.7.4, sixth step, ignores.
 */
export const CLOSING_TABLE = `
CLOSE-WAIT
  retransmission               | CLOSED       | P. 101:1101(1000) ack 102 ×3       | ERR HUP ETIMEDOUT
  user timeout                 | CLOSED       | P. 101:1101(1000) ack 102 ×2       | ERR HUP ETIMEDOUT
  persist                      | =            | . 1100:1100(0) ack 102 ×2          | = 100
  keepalive                    | CLOSED       | . 1100:1100(0) ack 102 ×2, R. 1101:1101(0) ack 102 | ERR HUP ETIMEDOUT
  FIN-WAIT-2                   | =            | P. 101:1101(1000) ack 102 ×3       | -
  TIME-WAIT                    | =            | P. 101:1101(1000) ack 102 ×8       | -
  SYN again                    | =            | . 1101:1101(0) ack 102             | -
  SYN in the window            | =            | . 1101:1101(0) ack 102             | -
  SYN beyond the window        | =            | . 1101:1101(0) ack 102             | -
  SYN-ACK                      | =            | . 1101:1101(0) ack 102             | -
  SYN-ACK of the future        | =            | . 1101:1101(0) ack 102             | -
  RST exact                    | CLOSED       | -                                  | ERR HUP EPIPE
  RST in the window            | =            | . 1101:1101(0) ack 102             | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | ERR HUP EPIPE
  RST-ACK of the future        | CLOSED       | -                                  | ERR HUP EPIPE
  FIN                          | =            | -                                  | -
  FIN and ACK of all           | =            | -                                  | -
  FIN after a gap              | =            | -                                  | -
  FIN beyond the window        | =            | . 1101:1101(0) ack 102             | -
  text                         | =            | -                                  | -
  text and FIN                 | =            | -                                  | -
  text and ACK of all          | =            | -                                  | -
  old text                     | =            | . 1101:1101(0) ack 102 <sack 2:102> | -
  text after a gap             | =            | -                                  | -
  text beyond the window       | =            | . 1101:1101(0) ack 102             | -
  urgent text                  | =            | -                                  | -  # Linux: = | - | PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 1101:1101(0) ack 102             | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | . 1101:1101(0) ack 102             | -
  ACK beyond the window        | =            | . 1101:1101(0) ack 102             | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | R. 1101:1101(0) ack 102            | = 0 ECONNRESET
  write 10                     | =            | P. 1101:1111(10) ack 102           | = 10
  read 10                      | =            | -                                  | = 0
  shutdown for writing         | LAST-ACK     | F. 1101:1101(0) ack 102            | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | LAST-ACK     | F. 1101:1101(0) ack 102            | = 0
  abort                        | CLOSED       | R. 1101:1101(0) ack 102            | = 0
  ICMP frag-needed 600         | =            | . 101:661(560) ack 102, P. 661:1101(440) ack 102 | -
CLOSING
  retransmission               | CLOSED       | F. 101:101(0) ack 102 ×3           | ERR ETIMEDOUT
  user timeout                 | CLOSED       | F. 101:101(0) ack 102 ×2           | ERR ETIMEDOUT
  persist                      | TIME-WAIT    | -                                  | = EPIPE
  keepalive                    | =            | F. 101:101(0) ack 102 ×4           | -
  FIN-WAIT-2                   | =            | F. 101:101(0) ack 102 ×3           | -
  TIME-WAIT                    | =            | F. 101:101(0) ack 102 ×8           | -
  SYN again                    | =            | . 102:102(0) ack 102               | -
  SYN in the window            | =            | . 102:102(0) ack 102               | -
  SYN beyond the window        | =            | . 102:102(0) ack 102               | -
  SYN-ACK                      | =            | . 102:102(0) ack 102               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 102               | -
  RST exact                    | CLOSED       | -                                  | ERR ECONNRESET
  RST in the window            | =            | . 102:102(0) ack 102               | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | ERR ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | ERR ECONNRESET
  FIN                          | =            | -                                  | -
  FIN and ACK of all           | TIME-WAIT    | -                                  | -
  FIN after a gap              | =            | -                                  | -
  FIN beyond the window        | =            | . 102:102(0) ack 102               | -
  text                         | =            | -                                  | -
  text and FIN                 | =            | -                                  | -
  text and ACK of all          | TIME-WAIT    | -                                  | -
  old text                     | =            | . 102:102(0) ack 102 <sack 2:102>  | -
  text after a gap             | =            | -                                  | -
  text beyond the window       | =            | . 102:102(0) ack 102               | -
  urgent text                  | =            | -                                  | -  # Linux: = | - | PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 102:102(0) ack 102               | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | TIME-WAIT    | -                                  | -
  ACK of the future            | =            | . 102:102(0) ack 102               | -
  ACK beyond the window        | =            | . 102:102(0) ack 102               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | -                                  | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = 0
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | =            | -                                  | = 0
  abort                        | CLOSED       | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
LAST-ACK
  retransmission               | CLOSED       | F. 101:101(0) ack 102 ×3           | ERR ETIMEDOUT
  user timeout                 | CLOSED       | F. 101:101(0) ack 102 ×2           | ERR ETIMEDOUT
  persist                      | CLOSED       | -                                  | = EPIPE
  keepalive                    | =            | F. 101:101(0) ack 102 ×4           | -
  FIN-WAIT-2                   | =            | F. 101:101(0) ack 102 ×3           | -
  TIME-WAIT                    | =            | F. 101:101(0) ack 102 ×8           | -
  SYN again                    | =            | . 102:102(0) ack 102               | -
  SYN in the window            | =            | . 102:102(0) ack 102               | -
  SYN beyond the window        | =            | . 102:102(0) ack 102               | -
  SYN-ACK                      | =            | . 102:102(0) ack 102               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 102               | -
  RST exact                    | CLOSED       | -                                  | ERR ECONNRESET
  RST in the window            | =            | . 102:102(0) ack 102               | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | ERR ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | ERR ECONNRESET
  FIN                          | =            | -                                  | -
  FIN and ACK of all           | CLOSED       | -                                  | -
  FIN after a gap              | =            | -                                  | -
  FIN beyond the window        | =            | . 102:102(0) ack 102               | -
  text                         | =            | -                                  | -
  text and FIN                 | =            | -                                  | -
  text and ACK of all          | CLOSED       | -                                  | -
  old text                     | =            | . 102:102(0) ack 102 <sack 2:102>  | -
  text after a gap             | =            | -                                  | -
  text beyond the window       | =            | . 102:102(0) ack 102               | -
  urgent text                  | =            | -                                  | -  # Linux: = | - | PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 102:102(0) ack 102               | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | CLOSED       | -                                  | -
  ACK of the future            | =            | . 102:102(0) ack 102               | -
  ACK beyond the window        | =            | . 102:102(0) ack 102               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | -                                  | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = 0
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | =            | -                                  | = 0
  abort                        | CLOSED       | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
TIME-WAIT
  retransmission               | =            | -                                  | -
  user timeout                 | =            | -                                  | -
  persist                      | =            | -                                  | = EPIPE
  keepalive                    | =            | -                                  | -
  FIN-WAIT-2                   | =            | -                                  | -
  TIME-WAIT                    | CLOSED       | -                                  | -
  SYN again                    | =            | . 102:102(0) ack 102               | -
  SYN in the window            | SYN-RECEIVED | S. 0:0(0) ack 113 <*>              | -
  SYN beyond the window        | SYN-RECEIVED | S. 0:0(0) ack 100103 <*>           | -
  SYN-ACK                      | =            | . 102:102(0) ack 102               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 102               | -
  RST exact                    | CLOSED       | -                                  | -
  RST in the window            | =            | -                                  | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | -
  RST-ACK of the future        | CLOSED       | -                                  | -
  FIN                          | =            | . 102:102(0) ack 102               | -
  FIN and ACK of all           | =            | . 102:102(0) ack 102               | -
  FIN after a gap              | =            | . 102:102(0) ack 102               | -
  FIN beyond the window        | =            | . 102:102(0) ack 102               | -
  text                         | =            | . 102:102(0) ack 102               | -
  text and FIN                 | =            | . 102:102(0) ack 102               | -
  text and ACK of all          | =            | . 102:102(0) ack 102               | -
  old text                     | =            | . 102:102(0) ack 102               | -
  text after a gap             | =            | . 102:102(0) ack 102               | -
  text beyond the window       | =            | . 102:102(0) ack 102               | -
  urgent text                  | =            | . 102:102(0) ack 102               | -
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | -                                  | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | -                                  | -
  ACK beyond the window        | =            | . 102:102(0) ack 102               | -
  text without ACK             | =            | . 102:102(0) ack 102               | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | =            | -                                  | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = 0
  shutdown for writing         | =            | -                                  | = ENOTCONN
  shutdown for reading         | =            | -                                  | = ENOTCONN
  close                        | =            | -                                  | = 0
  abort                        | =            | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
`;
