/**
 * What must happen in the states that open a connection: event | next state | sent | heard.
 *
 * `=` is the same state and `-` nothing. Sent within a tenth of a second, or while the timer passes: as in a
 * dialogue; `zero` is the sequence number 0, of a reset that answers a segment without ACK. Heard: the result of
 * the call; events that poll tells of now, and with a minus those it no longer tells of; SO_ERROR.
 *
 * Linux 6.18, asked with the same segments by a raw peer, answers in the same way but where `# Linux` stands:
 * - A listener's half-open connections are forgotten with it; Linux lists them for a while, and no segment finds them.
 * - When the SYNs have crossed, Linux believes an ACK of the ISS itself. RFC 9293 §3.10.7.4 wants ISS + 1: what
 *   does not acknowledge our SYN is reset.
 * - A socket closed in SYN-RECEIVED sends its FIN once the connection stands, not at once (see `tcp-open`).
 */
export const OPENING_TABLE = `
CLOSED
  retransmission               | =            | -                                  | -
  user timeout                 | =            | -                                  | -
  persist                      | =            | R zero                             | = EPIPE
  keepalive                    | =            | -                                  | -
  FIN-WAIT-2                   | =            | -                                  | -
  TIME-WAIT                    | =            | -                                  | -
  SYN again                    | =            | R. zero ack 1                      | -
  SYN in the window            | =            | R. zero ack 12                     | -
  SYN beyond the window        | =            | R. zero ack 100002                 | -
  SYN-ACK                      | =            | R zero                             | -
  SYN-ACK of the future        | =            | R 1:1(0)                           | -
  RST exact                    | =            | -                                  | -
  RST in the window            | =            | -                                  | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | =            | -                                  | -
  RST-ACK of the future        | =            | -                                  | -
  FIN                          | =            | R zero                             | -
  FIN and ACK of all           | =            | R zero                             | -
  FIN after a gap              | =            | R zero                             | -
  FIN beyond the window        | =            | R zero                             | -
  text                         | =            | R zero                             | -
  text and FIN                 | =            | R zero                             | -
  text and ACK of all          | =            | R zero                             | -
  old text                     | =            | R zero                             | -
  text after a gap             | =            | R zero                             | -
  text beyond the window       | =            | R zero                             | -
  urgent text                  | =            | R zero                             | -
  ACK old                      | =            | R -50:-50(0)                       | -
  ACK ancient                  | =            | R -100000:-100000(0)               | -
  ACK again                    | =            | R zero                             | -
  ACK of all                   | =            | R zero                             | -
  ACK of the future            | =            | R 1:1(0)                           | -
  ACK beyond the window        | =            | R zero                             | -
  text without ACK             | =            | R. zero ack 101                    | -
  no flags                     | =            | R. zero ack 1                      | -
  ICMP host-unreachable        | =            | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | LISTEN       | -                                  | = 0
  connect                      | SYN-SENT     | S 0:0(0) <*>                       | = EINPROGRESS
  disconnect                   | =            | -                                  | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = ENOTCONN
  shutdown for writing         | =            | -                                  | = ENOTCONN
  shutdown for reading         | =            | -                                  | = ENOTCONN
  close                        | =            | -                                  | = 0
  abort                        | =            | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
LISTEN
  retransmission               | =            | -                                  | -
  user timeout                 | =            | -                                  | -
  persist                      | =            | R zero                             | = EPIPE
  keepalive                    | =            | -                                  | -
  FIN-WAIT-2                   | =            | -                                  | -
  TIME-WAIT                    | =            | -                                  | -
  SYN again                    | SYN-RECEIVED | S. 0:0(0) ack 1 <*>                | -
  SYN in the window            | SYN-RECEIVED | S. 0:0(0) ack 12 <*>               | -
  SYN beyond the window        | SYN-RECEIVED | S. 0:0(0) ack 100002 <*>           | -
  SYN-ACK                      | =            | R zero                             | -
  SYN-ACK of the future        | =            | R 1:1(0)                           | -
  RST exact                    | =            | -                                  | -
  RST in the window            | =            | -                                  | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | =            | -                                  | -
  RST-ACK of the future        | =            | -                                  | -
  FIN                          | =            | R zero                             | -
  FIN and ACK of all           | =            | R zero                             | -
  FIN after a gap              | =            | R zero                             | -
  FIN beyond the window        | =            | R zero                             | -
  text                         | =            | R zero                             | -
  text and FIN                 | =            | R zero                             | -
  text and ACK of all          | =            | R zero                             | -
  old text                     | =            | R zero                             | -
  text after a gap             | =            | R zero                             | -
  text beyond the window       | =            | R zero                             | -
  urgent text                  | =            | R zero                             | -
  ACK old                      | =            | R -50:-50(0)                       | -
  ACK ancient                  | =            | R -100000:-100000(0)               | -
  ACK again                    | =            | R zero                             | -
  ACK of all                   | =            | R zero                             | -
  ACK of the future            | =            | R 1:1(0)                           | -
  ACK beyond the window        | =            | R zero                             | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | =            | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = 0
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | -                                  | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = ENOTCONN
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | CLOSED       | -                                  | = 0
  close                        | CLOSED       | -                                  | = 0
  abort                        | CLOSED       | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
SYN-SENT
  retransmission               | CLOSED       | S 0:0(0) <*>                       | IN OUT ERR HUP RDHUP ETIMEDOUT
  user timeout                 | CLOSED       | S 0:0(0) <*>                       | IN OUT ERR HUP RDHUP ETIMEDOUT
  persist                      | =            | S 0:0(0) <*>                       | = EAGAIN
  keepalive                    | =            | S 0:0(0) <*> ×4                    | -
  FIN-WAIT-2                   | =            | S 0:0(0) <*> ×2                    | -
  TIME-WAIT                    | =            | S 0:0(0) <*> ×9                    | -
  SYN again                    | SYN-RECEIVED | S. 0:0(0) ack 1 <*>                | -
  SYN in the window            | SYN-RECEIVED | S. 0:0(0) ack 12 <*>               | -
  SYN beyond the window        | SYN-RECEIVED | S. 0:0(0) ack 100002 <*>           | -
  SYN-ACK                      | ESTABLISHED  | . 1:1(0) ack 1                     | OUT
  SYN-ACK of the future        | =            | R 2:2(0), S 0:0(0) <*>             | -
  RST exact                    | =            | -                                  | -
  RST in the window            | =            | -                                  | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNREFUSED
  RST-ACK of the future        | =            | S 0:0(0) <*>                       | -
  FIN                          | =            | R 0:0(0), S 0:0(0) <*>             | -
  FIN and ACK of all           | =            | -                                  | -
  FIN after a gap              | =            | R 0:0(0), S 0:0(0) <*>             | -
  FIN beyond the window        | =            | R 0:0(0), S 0:0(0) <*>             | -
  text                         | =            | R 0:0(0), S 0:0(0) <*>             | -
  text and FIN                 | =            | R 0:0(0), S 0:0(0) <*>             | -
  text and ACK of all          | =            | -                                  | -
  old text                     | =            | R 0:0(0), S 0:0(0) <*>             | -
  text after a gap             | =            | R 0:0(0), S 0:0(0) <*>             | -
  text beyond the window       | =            | R 0:0(0), S 0:0(0) <*>             | -
  urgent text                  | =            | R 0:0(0), S 0:0(0) <*>             | -
  ACK old                      | =            | R -50:-50(0), S 0:0(0) <*>         | -
  ACK ancient                  | =            | R -100000:-100000(0), S 0:0(0) <*> | -
  ACK again                    | =            | R 0:0(0), S 0:0(0) <*>             | -
  ACK of all                   | =            | -                                  | -
  ACK of the future            | =            | R 2:2(0), S 0:0(0) <*>             | -
  ACK beyond the window        | =            | -                                  | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | CLOSED       | -                                  | IN OUT ERR HUP RDHUP EHOSTUNREACH
  ICMP port-unreachable        | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EALREADY
  disconnect                   | CLOSED       | -                                  | = 0 ECONNRESET
  write 10                     | =            | -                                  | = EAGAIN
  read 10                      | =            | -                                  | = EAGAIN
  shutdown for writing         | CLOSED       | -                                  | = 0 ECONNRESET
  shutdown for reading         | CLOSED       | -                                  | = 0 ECONNRESET
  close                        | CLOSED       | -                                  | = 0
  abort                        | CLOSED       | -                                  | = 0
  ICMP frag-needed 600         | =            | -                                  | -
SYN-RECEIVED
  retransmission               | LISTEN       | S. 0:0(0) ack 1 <*>                | -
  user timeout                 | =            | S. 0:0(0) ack 1 <*>                | -
  persist                      | ESTABLISHED  | -                                  | = EPIPE IN
  keepalive                    | =            | S. 0:0(0) ack 1 <*> ×2             | -
  FIN-WAIT-2                   | =            | S. 0:0(0) ack 1 <*>                | -
  TIME-WAIT                    | =            | S. 0:0(0) ack 1 <*> ×5             | -
  SYN again                    | =            | S. 0:0(0) ack 1 <*>                | -
  SYN in the window            | LISTEN       | R. zero ack 12                     | -
  SYN beyond the window        | =            | . 1:1(0) ack 1                     | -
  SYN-ACK                      | =            | . 1:1(0) ack 1                     | -
  SYN-ACK of the future        | =            | R 2:2(0)                           | -
  RST exact                    | LISTEN       | -                                  | -
  RST in the window            | =            | . 1:1(0) ack 1                     | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | LISTEN       | -                                  | -
  RST-ACK of the future        | LISTEN       | -                                  | -
  FIN                          | =            | R 0:0(0)                           | -
  FIN and ACK of all           | CLOSE-WAIT   | . 1:1(0) ack 2                     | IN
  FIN after a gap              | =            | R 0:0(0)                           | -
  FIN beyond the window        | =            | R 0:0(0)                           | -
  text                         | =            | R 0:0(0)                           | -
  text and FIN                 | =            | R 0:0(0)                           | -
  text and ACK of all          | ESTABLISHED  | . 1:1(0) ack 101                   | IN
  old text                     | =            | R 0:0(0)                           | -
  text after a gap             | =            | R 0:0(0)                           | -
  text beyond the window       | =            | R 0:0(0)                           | -
  urgent text                  | =            | R 0:0(0)                           | -
  ACK old                      | =            | R -50:-50(0)                       | -
  ACK ancient                  | =            | R -100000:-100000(0)               | -
  ACK again                    | =            | R 0:0(0)                           | -
  ACK of all                   | ESTABLISHED  | -                                  | IN
  ACK of the future            | =            | R 2:2(0)                           | -
  ACK beyond the window        | =            | . 1:1(0) ack 1                     | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | LISTEN       | -                                  | -
  ICMP port-unreachable        | =            | -                                  | -
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = 0
  connect                      | =            | -                                  | = EISCONN
  disconnect                   | CLOSED       | -                                  | = 0  # Linux: = | - | = 0
  write 10                     | =            | -                                  | = EPIPE
  read 10                      | =            | -                                  | = ENOTCONN
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | CLOSED       | -                                  | = 0  # Linux: = | - | = 0
  close                        | CLOSED       | -                                  | = 0  # Linux: = | - | = 0
  abort                        | CLOSED       | -                                  | = 0  # Linux: = | - | = 0
  ICMP frag-needed 600         | =            | -                                  | -
SYN-RECEIVED crossing
  retransmission               | CLOSED       | S. 0:0(0) ack 1 <*>                | IN OUT ERR HUP RDHUP ETIMEDOUT
  user timeout                 | CLOSED       | S. 0:0(0) ack 1 <*>                | IN OUT ERR HUP RDHUP ETIMEDOUT
  persist                      | ESTABLISHED  | . 0:0(0) ack 1 ×2                  | = 100 OUT
  keepalive                    | =            | S. 0:0(0) ack 1 <*> ×2             | -
  FIN-WAIT-2                   | =            | S. 0:0(0) ack 1 <*>                | -
  TIME-WAIT                    | =            | S. 0:0(0) ack 1 <*> ×5             | -
  SYN again                    | =            | . 1:1(0) ack 1                     | -
  SYN in the window            | =            | . 1:1(0) ack 1                     | -
  SYN beyond the window        | =            | . 1:1(0) ack 1                     | -
  SYN-ACK                      | ESTABLISHED  | . 1:1(0) ack 1 <sack 0:1>          | OUT
  SYN-ACK of the future        | =            | . 1:1(0) ack 1                     | -
  RST exact                    | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNRESET
  RST in the window            | =            | . 1:1(0) ack 1                     | -
  RST below the window         | =            | -                                  | -
  RST beyond the window        | =            | -                                  | -
  RST-ACK                      | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNRESET
  RST-ACK of the future        | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNRESET
  FIN                          | =            | R 0:0(0)                           | -  # Linux: CLOSE-WAIT | . 1:1(0) ack 2 | IN OUT RDHUP
  FIN and ACK of all           | CLOSE-WAIT   | . 1:1(0) ack 2                     | IN OUT RDHUP
  FIN after a gap              | =            | R 0:0(0)                           | -  # Linux: ESTABLISHED | . 1:1(0) ack 1 <sack 101:102> | OUT
  FIN beyond the window        | =            | . 1:1(0) ack 1                     | -
  text                         | =            | R 0:0(0)                           | -  # Linux: ESTABLISHED | . 1:1(0) ack 101 | IN OUT
  text and FIN                 | =            | R 0:0(0)                           | -  # Linux: CLOSE-WAIT | . 1:1(0) ack 102 | IN OUT RDHUP
  text and ACK of all          | ESTABLISHED  | . 1:1(0) ack 101                   | IN OUT
  old text                     | =            | . 1:1(0) ack 1                     | -  # Linux: ESTABLISHED | . 1:1(0) ack 1 <sack -99:1> | OUT
  text after a gap             | =            | R 0:0(0)                           | -  # Linux: ESTABLISHED | . 1:1(0) ack 1 <sack 101:201> | OUT
  text beyond the window       | =            | . 1:1(0) ack 1                     | -
  urgent text                  | =            | R 0:0(0)                           | -  # Linux: ESTABLISHED | . 1:1(0) ack 11 | IN PRI OUT
  ACK old                      | =            | R -50:-50(0)                       | -
  ACK ancient                  | =            | R -100000:-100000(0)               | -
  ACK again                    | =            | R 0:0(0)                           | -  # Linux: ESTABLISHED | - | OUT
  ACK of all                   | ESTABLISHED  | -                                  | OUT
  ACK of the future            | =            | R 2:2(0)                           | -
  ACK beyond the window        | =            | . 1:1(0) ack 1                     | -
  text without ACK             | =            | -                                  | -
  no flags                     | =            | -                                  | -
  ICMP host-unreachable        | CLOSED       | -                                  | IN OUT ERR HUP RDHUP EHOSTUNREACH
  ICMP port-unreachable        | CLOSED       | -                                  | IN OUT ERR HUP RDHUP ECONNREFUSED
  ICMP about nothing in flight | =            | -                                  | -
  listen                       | =            | -                                  | = EINVAL
  connect                      | =            | -                                  | = EALREADY
  disconnect                   | CLOSED       | R. 1:1(0) ack 1                    | = 0 ECONNRESET
  write 10                     | =            | -                                  | = EAGAIN
  read 10                      | =            | -                                  | = EAGAIN
  shutdown for writing         | =            | -                                  | = 0
  shutdown for reading         | =            | -                                  | = 0
  close                        | =            | -                                  | = 0  # Linux: FIN-WAIT-1 | F. 1:1(0) ack 1 | = 0
  abort                        | CLOSED       | R. 1:1(0) ack 1                    | = 0
  ICMP frag-needed 600         | =            | -                                  | -
`;
