/** What must happen in the states from ESTABLISHED to FIN-WAIT-2: see `state-table-opening`. Here Linux has no other answer. */
export const STANDING_TABLE = `
ESTABLISHED
  retransmission               | CLOSED       | P. 101:1101(1000) ack 101 ×3       | IN ERR HUP RDHUP ETIMEDOUT
  user timeout                 | CLOSED       | P. 101:1101(1000) ack 101 ×2       | IN ERR HUP RDHUP ETIMEDOUT
  persist                      | =            | . 1100:1100(0) ack 101 ×2          | = 100
  keepalive                    | CLOSED       | . 1100:1100(0) ack 101 ×2, R. 1101:1101(0) ack 101 | IN ERR HUP RDHUP ETIMEDOUT
  FIN-WAIT-2                   | =            | P. 101:1101(1000) ack 101 ×3       | -
  TIME-WAIT                    | =            | P. 101:1101(1000) ack 101 ×8       | -
  SYN again                    | =            | . 1101:1101(0) ack 101             | -
  SYN in the window            | =            | . 1101:1101(0) ack 101             | -
  SYN beyond the window        | =            | . 1101:1101(0) ack 101             | -
  SYN-ACK                      | =            | . 1101:1101(0) ack 101             | -
  SYN-ACK of the future        | =            | . 1101:1101(0) ack 101             | -
  RST exact                    | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST in the window            | =            | . 1101:1101(0) ack 101             | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  FIN                          | CLOSE-WAIT   | . 1101:1101(0) ack 102             | IN RDHUP
  FIN and ACK of all           | CLOSE-WAIT   | . 1101:1101(0) ack 102             | IN RDHUP
  FIN after a gap              | =            | . 1101:1101(0) ack 101 <sack 201:202> | -
  FIN beyond the window        | =            | . 1101:1101(0) ack 101             | -
  text                         | =            | . 1101:1101(0) ack 201             | IN
  text and FIN                 | CLOSE-WAIT   | . 1101:1101(0) ack 202             | IN RDHUP
  text and ACK of all          | =            | . 1101:1101(0) ack 201             | IN
  old text                     | =            | . 1101:1101(0) ack 101 <sack 1:101> | -
  text after a gap             | =            | . 1101:1101(0) ack 101 <sack 201:301> | -
  text beyond the window       | =            | . 1101:1101(0) ack 101             | -
  urgent text                  | =            | . 1101:1101(0) ack 111             | IN PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 1101:1101(0) ack 101             | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | . 1101:1101(0) ack 101             | -
  ACK beyond the window        | =            | . 1101:1101(0) ack 101             | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | R. 1101:1101(0) ack 101            | = 0 ECONNRESET
  write 10                     | =            | P. 1101:1111(10) ack 101           | = 10
  read 10                      | =            | -                                  | = EAGAIN
  shutdown for writing         | FIN-WAIT-1   | F. 1101:1101(0) ack 101            | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | FIN-WAIT-1   | F. 1101:1101(0) ack 101            | = 0
  abort                        | CLOSED       | R. 1101:1101(0) ack 101            | = 0
  ICMP frag-needed 600         | =            | . 101:661(560) ack 101, P. 661:1101(440) ack 101 | -
FIN-WAIT-1
  retransmission               | CLOSED       | F. 101:101(0) ack 101 ×3           | IN ERR HUP RDHUP ETIMEDOUT
  user timeout                 | CLOSED       | F. 101:101(0) ack 101 ×2           | IN ERR HUP RDHUP ETIMEDOUT
  persist                      | FIN-WAIT-2   | -                                  | = EPIPE
  keepalive                    | =            | F. 101:101(0) ack 101 ×4           | -
  FIN-WAIT-2                   | =            | F. 101:101(0) ack 101 ×3           | -
  TIME-WAIT                    | =            | F. 101:101(0) ack 101 ×8           | -
  SYN again                    | =            | . 102:102(0) ack 101               | -
  SYN in the window            | =            | . 102:102(0) ack 101               | -
  SYN beyond the window        | =            | . 102:102(0) ack 101               | -
  SYN-ACK                      | =            | . 102:102(0) ack 101               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 101               | -
  RST exact                    | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST in the window            | =            | . 102:102(0) ack 101               | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  FIN                          | CLOSING      | . 102:102(0) ack 102               | IN HUP RDHUP
  FIN and ACK of all           | TIME-WAIT    | . 102:102(0) ack 102               | IN HUP RDHUP
  FIN after a gap              | =            | . 102:102(0) ack 101 <sack 201:202> | -
  FIN beyond the window        | =            | . 102:102(0) ack 101               | -
  text                         | =            | . 102:102(0) ack 201               | IN
  text and FIN                 | CLOSING      | . 102:102(0) ack 202               | IN HUP RDHUP
  text and ACK of all          | FIN-WAIT-2   | . 102:102(0) ack 201               | IN
  old text                     | =            | . 102:102(0) ack 101 <sack 1:101>  | -
  text after a gap             | =            | . 102:102(0) ack 101 <sack 201:301> | -
  text beyond the window       | =            | . 102:102(0) ack 101               | -
  urgent text                  | =            | . 102:102(0) ack 111               | IN PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 102:102(0) ack 101               | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | FIN-WAIT-2   | -                                  | -
  ACK of the future            | =            | . 102:102(0) ack 101               | -
  ACK beyond the window        | =            | . 102:102(0) ack 101               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | R. 102:102(0) ack 101              | = 0 ECONNRESET
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = EAGAIN
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | =            | -                                  | = 0
  abort                        | CLOSED       | R. 102:102(0) ack 101              | = 0
  ICMP frag-needed 600         | =            | -                                  | -
FIN-WAIT-1 closed
  retransmission               | CLOSED       | F. 101:101(0) ack 101 ×3           | -
  user timeout                 | =            | F. 101:101(0) ack 101 ×2           | -
  persist                      | FIN-WAIT-2   | -                                  | no socket
  keepalive                    | =            | F. 101:101(0) ack 101 ×4           | -
  FIN-WAIT-2                   | =            | F. 101:101(0) ack 101 ×3           | -
  TIME-WAIT                    | =            | F. 101:101(0) ack 101 ×8           | -
  SYN again                    | =            | . 102:102(0) ack 101               | -
  SYN in the window            | =            | . 102:102(0) ack 101               | -
  SYN beyond the window        | =            | . 102:102(0) ack 101               | -
  SYN-ACK                      | =            | . 102:102(0) ack 101               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 101               | -
  RST exact                    | CLOSED       | -                                  | -
  RST in the window            | =            | . 102:102(0) ack 101               | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | -
  RST-ACK of the future        | CLOSED       | -                                  | -
  FIN                          | CLOSING      | . 102:102(0) ack 102               | -
  FIN and ACK of all           | TIME-WAIT    | . 102:102(0) ack 102               | -
  FIN after a gap              | CLOSED       | R 101:101(0)                       | -
  FIN beyond the window        | =            | . 102:102(0) ack 101               | -
  text                         | CLOSED       | R 101:101(0)                       | -
  text and FIN                 | CLOSED       | R 101:101(0)                       | -
  text and ACK of all          | CLOSED       | R 102:102(0)                       | -
  old text                     | =            | . 102:102(0) ack 101 <sack 1:101>  | -
  text after a gap             | CLOSED       | R 101:101(0)                       | -
  text beyond the window       | =            | . 102:102(0) ack 101               | -
  urgent text                  | CLOSED       | R 101:101(0)                       | -
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 102:102(0) ack 101               | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | FIN-WAIT-2   | -                                  | -
  ACK of the future            | =            | . 102:102(0) ack 101               | -
  ACK beyond the window        | =            | . 102:102(0) ack 101               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | no socket
  connect                      | =            | -                                  | no socket
  disconnect                   | =            | -                                  | no socket
  write 10                     | =            | -                                  | no socket
  read 10                      | =            | -                                  | no socket
  shutdown for writing         | =            | -                                  | no socket
  shutdown for reading         | =            | -                                  | no socket
  close                        | =            | -                                  | no socket
  abort                        | =            | -                                  | no socket
  ICMP frag-needed 600         | =            | -                                  | -
FIN-WAIT-2
  retransmission               | =            | -                                  | -
  user timeout                 | =            | -                                  | -
  persist                      | =            | -                                  | = EPIPE
  keepalive                    | CLOSED       | . 101:101(0) ack 101 ×2, R. 102:102(0) ack 101 | IN ERR HUP RDHUP ETIMEDOUT
  FIN-WAIT-2                   | =            | -                                  | -
  TIME-WAIT                    | =            | -                                  | -
  SYN again                    | =            | . 102:102(0) ack 101               | -
  SYN in the window            | =            | . 102:102(0) ack 101               | -
  SYN beyond the window        | =            | . 102:102(0) ack 101               | -
  SYN-ACK                      | =            | . 102:102(0) ack 101               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 101               | -
  RST exact                    | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST in the window            | =            | . 102:102(0) ack 101               | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | IN ERR HUP RDHUP ECONNRESET
  FIN                          | TIME-WAIT    | . 102:102(0) ack 102               | IN HUP RDHUP
  FIN and ACK of all           | TIME-WAIT    | . 102:102(0) ack 102               | IN HUP RDHUP
  FIN after a gap              | =            | . 102:102(0) ack 101 <sack 201:202> | -
  FIN beyond the window        | =            | . 102:102(0) ack 101               | -
  text                         | =            | . 102:102(0) ack 201               | IN
  text and FIN                 | TIME-WAIT    | . 102:102(0) ack 202               | IN HUP RDHUP
  text and ACK of all          | =            | . 102:102(0) ack 201               | IN
  old text                     | =            | . 102:102(0) ack 101 <sack 1:101>  | -
  text after a gap             | =            | . 102:102(0) ack 101 <sack 201:301> | -
  text beyond the window       | =            | . 102:102(0) ack 101               | -
  urgent text                  | =            | . 102:102(0) ack 111               | IN PRI
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | . 102:102(0) ack 101               | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | . 102:102(0) ack 101               | -
  ACK beyond the window        | =            | . 102:102(0) ack 101               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | EHOSTUNREACH
  ICMP port-unreachable        | =            | -                                  | ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | R. 102:102(0) ack 101              | = 0 ECONNRESET
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = EAGAIN
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | =            | -                                  | = 0
  abort                        | CLOSED       | R. 102:102(0) ack 101              | = 0
  ICMP frag-needed 600         | =            | -                                  | -
FIN-WAIT-2 closed
  retransmission               | =            | -                                  | -
  user timeout                 | =            | -                                  | -
  persist                      | =            | -                                  | no socket
  keepalive                    | =            | -                                  | -
  FIN-WAIT-2                   | CLOSED       | -                                  | -
  TIME-WAIT                    | CLOSED       | -                                  | -
  SYN again                    | =            | . 102:102(0) ack 101               | -
  SYN in the window            | CLOSED       | R. zero ack 112                    | -
  SYN beyond the window        | =            | . 102:102(0) ack 101               | -
  SYN-ACK                      | =            | . 102:102(0) ack 101               | -
  SYN-ACK of the future        | =            | . 102:102(0) ack 101               | -
  RST exact                    | CLOSED       | -                                  | -
  RST in the window            | CLOSED       | -                                  | -
  RST below the window         | =            | . 102:102(0) ack 101               | -
  RST beyond the window        | =            | . 102:102(0) ack 101               | -
  RST-ACK                      | CLOSED       | -                                  | -
  RST-ACK of the future        | CLOSED       | -                                  | -
  FIN                          | TIME-WAIT    | . 102:102(0) ack 102               | -
  FIN and ACK of all           | TIME-WAIT    | . 102:102(0) ack 102               | -
  FIN after a gap              | CLOSED       | R 102:102(0)                       | -
  FIN beyond the window        | =            | . 102:102(0) ack 101               | -
  text                         | CLOSED       | R 102:102(0)                       | -
  text and FIN                 | CLOSED       | R 102:102(0)                       | -
  text and ACK of all          | CLOSED       | R 102:102(0)                       | -
  old text                     | =            | . 102:102(0) ack 101               | -
  text after a gap             | CLOSED       | R 102:102(0)                       | -
  text beyond the window       | =            | . 102:102(0) ack 101               | -
  urgent text                  | CLOSED       | R 102:102(0)                       | -
  ACK old                      | =            | -                                  | -
  ACK ancient                  | =            | -                                  | -
  ACK again                    | =            | -                                  | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | -                                  | -
  ACK beyond the window        | =            | . 102:102(0) ack 101               | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | no socket
  connect                      | =            | -                                  | no socket
  disconnect                   | =            | -                                  | no socket
  write 10                     | =            | -                                  | no socket
  read 10                      | =            | -                                  | no socket
  shutdown for writing         | =            | -                                  | no socket
  shutdown for reading         | =            | -                                  | no socket
  close                        | =            | -                                  | no socket
  abort                        | =            | -                                  | no socket
  ICMP frag-needed 600         | =            | -                                  | -
`;
