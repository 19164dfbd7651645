/** Loss recovery, mechanism by mechanism: what is sent when, and what becomes of the window. */
import type { Test } from 'tap';
import { CA_STATE } from '../../src/cc/ca-state.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const TS = 'mss 1012,sackOK,TS val 0 ecr 0';

/** `n` segments of 1000 bytes, the first at `from`. A rate as slow as these sends frames of two, and each frame ends with PSH. */
function segments(at: string, from: number, n: number, isPushed = true): string {
  const lines: string[] = [];
  for (let i = 0; i < n; i++) {
    const seq = from + 1000 * i;
    lines.push(
      `${at} > ${i % 2 === 1 || (isPushed && i === n - 1) ? 'P.' : '.'} ${seq}:${seq + 1000}(1000) ack 1`,
    );
  }
  return lines.join('\n');
}

function window(t: Test, h: TcpHarness, cwnd: number, ssthresh: number, says: string): void {
  const v = h.flow.congestion.view;
  t.same([v.cwnd, v.ssthresh], [cwnd, ssthresh], says);
}

const stateOf = (h: TcpHarness): number => h.flow.congestion.state;
const reno = (h: TcpHarness): void => {
  h.tcp.ccModules.setDefault('reno');
};

dialogue(
  'RFC 8985 §6.2, RFC 9937 §6: three SACKs, one fast retransmission, and the rate falls to half',
  (t, h) => {
    reno(h);
    h.passive({ rtt: 0.1 });
    h.run(`
    0.2   write 10000
    ${segments('0.2', 1, 10)}
    0.3   < . 1:1(0) ack 1 <sack 1001:2001>
    0.301 < . 1:1(0) ack 1 <sack 1001:3001>
    0.302 < . 1:1(0) ack 1 <sack 1001:4001>
    0.302 > . 1:1001(1000) ack 1
    0.302 mib TCPSackRecovery 1
    0.302 mib TCPFastRetrans 1
    0.31  write 5000
    0.31  < . 1:1(0) ack 1 <sack 1001:5001>
    0.311 < . 1:1(0) ack 1 <sack 1001:6001>
    0.312 < . 1:1(0) ack 1 <sack 1001:7001>
    0.312 > . 10001:11001(1000) ack 1
    0.313 < . 1:1(0) ack 1 <sack 1001:8001>
    0.313 > . 11001:12001(1000) ack 1
    0.314 < . 1:1(0) ack 1 <sack 1001:9001>
    0.314 > . 12001:13001(1000) ack 1
    0.402 < . 1:1(0) ack 10001
    ${segments('0.402', 13001, 2)}
    `);
    window(t, h, 5, 5, 'the window is ssthresh at the end');
    t.equal(stateOf(h), CA_STATE.OPEN);
  },
);

dialogue('RFC 8985 §6.2 step 5: with one SACK a quarter of the RTT must pass', (t, h) => {
  h.passive({ rtt: 0.1 });
  h.run(`
    0.2   write 4000
    ${segments('0.2', 1, 4)}
    0.3   < . 1:1(0) ack 1 <sack 3001:4001>
    0.327 > . 1:1001(1000) ack 1
    0.35  mib TCPSackRecovery 1`);
  t.equal(h.flow.rtx.lostOut, 3, 'all that was sent before it');
  h.run('0.427 < . 1:1(0) ack 4001');
});

dialogue(
  'RFC 6582 §3.2: without SACK three duplicates, and each partial ACK the next hole',
  (t, h) => {
    reno(h);
    h.passive({ rtt: 0.1, options: 'mss 1000' });
    h.run(`
    0.2   write 10000
    ${segments('0.2', 1, 10)}
    0.3   < . 1:1(0) ack 1
    0.301 < . 1:1(0) ack 1
    0.302 < . 1:1(0) ack 1
    0.302 > . 1:1001(1000) ack 1
    0.302 mib TCPRenoRecovery 1
    0.303 < . 1:1(0) ack 1
    0.402 < . 1:1(0) ack 3001
    0.402 > . 3001:4001(1000) ack 1
    0.502 < . 1:1(0) ack 10001`);
    t.equal(
      stateOf(h),
      CA_STATE.RECOVERY,
      '§3.2 step 1: held until something above recover is acknowledged',
    );
    h.run(`
    0.6   write 1000
    0.6   > P. 10001:11001(1000) ack 1
    0.7   < . 1:1(0) ack 11001`);
    t.equal(stateOf(h), CA_STATE.OPEN);
    t.equal(h.flow.congestion.view.ssthresh, 5);
  },
);

dialogue('RFC 3042: the first two duplicates each let one new segment go', (_, h) => {
  h.passive({ rtt: 0.1, options: 'mss 1000' });
  h.run(`
    0.2   write 15000
    ${segments('0.2', 1, 10, false)}
    0.3   < . 1:1(0) ack 1
    0.3   > . 10001:11001(1000) ack 1
    0.31  < . 1:1(0) ack 1
    0.31  > . 11001:12001(1000) ack 1
    0.32  < . 1:1(0) ack 1
    0.32  > . 1:1001(1000) ack 1
    0.42  < . 1:1(0) ack 12001
    0.42  > . 12001:13001(1000) ack 1
    0.42  > P. 13001:14001(1000) ack 1
    0.42  > P. 14001:15001(1000) ack 1
    0.52  < . 1:1(0) ack 15001`);
});

dialogue(
  'RFC 8985 §7.3: the last segment again after two RTTs; a lone one also waits for the delayed ACK',
  (t, h) => {
    h.passive({ rtt: 0.1 });
    h.run(`
    0.2   write 3000
    ${segments('0.2', 1, 3)}
    0.402 > P. 2001:3001(1000) ack 1
    0.402 mib TCPLossProbes 1
    0.403 nothing`);
    t.equal(h.flow.rtx.retransOut, 0, 'it is no retransmission of something lost');
    h.run(`
    0.502 < . 1:1(0) ack 3001 <sack 2001:3001>
    0.502 mib TCPDSACKRecv 1
    0.502 mib TCPLossProbeRecovery 0
    1     write 1000
    1     > P. 3001:4001(1000) ack 1
    1.3   > P. 3001:4001(1000) ack 1   # no later than the timeout
    1.4   < . 1:1(0) ack 4001
    1.4   mib TCPLossProbes 2`);
  },
);

dialogue('RFC 8985 §7.4.2: a probe that repaired a loss costs one reduction', (t, h) => {
  reno(h);
  h.passive({ rtt: 0.1 });
  h.run(`
    0.2   write 4000
    ${segments('0.2', 1, 4)}
    0.3   < . 1:1(0) ack 3001
    0.6   > P. 3001:4001(1000) ack 1
    0.65  < . 1:1(0) ack 4001
    0.65  mib TCPLossProbeRecovery 0
    0.7   write 1000
    0.7   > P. 4001:5001(1000) ack 1
    0.8   < . 1:1(0) ack 5001
    0.8   mib TCPLossProbeRecovery 1`);
  t.equal(h.flow.congestion.view.ssthresh, h.flow.congestion.view.cwnd, 'down to half');
});

dialogue('RFC 8985 §7.3: new text is the probe where there is some', (_, h) => {
  h.passive({ rtt: 0.1, win: 2000 });
  h.run(`
    0.2   set isNoDelay true
    0.2   write 1000
    0.2   > P. 1:1001(1000) ack 1
    0.3   < . 1:1(0) ack 1001 win 3000
    0.35  write 2000
    ${segments('0.35', 1001, 2)}
    0.45  < . 1:1(0) ack 3001 win 3000`);
});

dialogue(
  'RFC 6298 §5.4–5.7: the oldest again, twice as late each time, until a new sample',
  (t, h) => {
    h.passive({ rtt: 0.1, options: 'mss 1000' });
    h.run(`
    0.2   write 1000
    0.2   > P. 1:1001(1000) ack 1
    0.5   > P. 1:1001(1000) ack 1
    1.1   > P. 1:1001(1000) ack 1
    2.3   > P. 1:1001(1000) ack 1
    2.4   < . 1:1(0) ack 1001
    2.4   mib TCPTimeouts 3`);
    t.equal(h.flow.rtt.backoff, 3, 'Karn: no sample, so the doubling stands');
    h.run(`
    3     write 1000
    3     > P. 1001:2001(1000) ack 1
    3.1   < . 1:1(0) ack 2001`);
    t.equal(h.flow.rtt.backoff, 0);
  },
);

dialogue(
  'RFC 5682 §3.1: the timeout was spurious: originals arrive, and the window is restored',
  (t, h) => {
    reno(h);
    h.passive({ rtt: 0.1 });
    h.tcp.config.earlyRetrans = 0;
    h.run(
      `
    0.2   write 10000
    ${segments('0.2', 1, 10)}
    0.5   > . 1:1001(1000) ack 1
    0.6   write 4000
    0.65  < . 1:1(0) ack 1001
    0.65  > . 10001:11001(1000) ack 1
    0.65  > . 11001:12001(1000) ack 1
    0.66  < . 1:1(0) ack 2001
    0.66  > . 12001:13001(1000) ack 1
    0.66  mib TCPSpuriousRTOs 1
    0.67  < . 1:1(0) ack 10001
    0.67  > P. 13001:14001(1000) ack 1`,
    );
    t.equal(h.flow.congestion.view.ssthresh, 0x7fffffff, 'as before');
    t.ok(h.flow.congestion.view.cwnd >= 10, 'and so is cwnd');
    t.equal(h.flow.rtx.lostOut, 0);
    h.run('0.8 < . 1:1(0) ack 14001');
  },
);

dialogue('RFC 5682 §3.1 step 3.a: a duplicate says that the loss was real', (t, h) => {
  reno(h);
  h.passive({ rtt: 0.1 });
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.2   write 4000
    ${segments('0.2', 1, 4)}
    0.5   > . 1:1001(1000) ack 1
    0.6   < . 1:1(0) ack 1001
    0.6   > . 1001:2001(1000) ack 1
    0.6   > . 2001:3001(1000) ack 1
    0.7   < . 1:1(0) ack 3001
    0.7   > P. 3001:4001(1000) ack 1
    0.8   < . 1:1(0) ack 4001
    0.8   mib TCPSlowStartRetrans 3
    0.8   mib TCPLossUndo 0`);
  t.equal(h.flow.congestion.view.ssthresh, 5);
});

dialogue(
  'RFC 3522 §3.2, RFC 4015: the echo is older than the retransmission: all is taken back',
  (t, h) => {
    reno(h);
    h.passive({ rtt: 0.1, options: TS });
    h.run(`
    0.2   write 5000
    0.2   > . 1:1001(1000) ack 1
    0.2   > P. 1001:2001(1000) ack 1
    0.2   > . 2001:3001(1000) ack 1
    0.2   > P. 3001:4001(1000) ack 1
    0.2   > P. 4001:5001(1000) ack 1
    0.3   < . 1:1(0) ack 1 <sack 1001:2001,TS val 300 ecr 200>
    0.301 < . 1:1(0) ack 1 <sack 1001:3001,TS val 301 ecr 200>
    0.302 < . 1:1(0) ack 1 <sack 1001:4001,TS val 302 ecr 200>
    0.302 > . 1:1001(1000) ack 1
    0.31  < . 1:1(0) ack 5001 <TS val 310 ecr 200>
    0.31  mib TCPFullUndo 1`);
    window(t, h, 10, 0x7fffffff, 'as before');
  },
);

dialogue('RFC 3708: a D-SACK after the recovery takes it back', (t, h) => {
  reno(h);
  h.passive({ rtt: 0.1 });
  h.run(`
    0.2   write 5000
    ${segments('0.2', 1, 5)}
    0.3   < . 1:1(0) ack 1 <sack 1001:2001>
    0.301 < . 1:1(0) ack 1 <sack 1001:3001>
    0.302 < . 1:1(0) ack 1 <sack 1001:4001>
    0.302 > . 1:1001(1000) ack 1
    0.31  < . 1:1(0) ack 5001`);
  t.equal(stateOf(h), CA_STATE.OPEN);
  window(t, h, 5, 5, 'halved');
  h.run(`
    0.402 < . 1:1(0) ack 5001 <sack 1:1001>
    0.402 mib TCPDSACKUndo 1
    0.402 mib TCPDSACKRecv 1`);
  window(t, h, 10, 0x7fffffff, 'and restored');
});

dialogue('RFC 2018 §8: a peer that reneges gets all of it again, after a short wait', (t, h) => {
  h.passive({ rtt: 0.1 });
  h.run(`
    0.2   write 4000
    ${segments('0.2', 1, 4)}
    0.3   < . 1:1(0) ack 1 <sack 1001:4001>
    0.3   > . 1:1001(1000) ack 1
    0.4   < . 1:1(0) ack 1001
    0.45  > . 1001:2001(1000) ack 1
    0.45  mib TCPSACKReneging 1`);
  t.equal(h.flow.rtx.sackedOut, 0);
  h.run(`
    0.55  < . 1:1(0) ack 2001
    0.55  > . 2001:3001(1000) ack 1
    0.55  > P. 3001:4001(1000) ack 1
    0.65  < . 1:1(0) ack 4001`);
});

dialogue('RFC 6675: a lost retransmission is found by what was sent after it', (_, h) => {
  h.passive({ rtt: 0.1 });
  h.run(`
    0.2   write 12000
    ${segments('0.2', 1, 10, false)}
    0.3   < . 1:1(0) ack 1 <sack 1001:2001>
    0.3   > . 10001:11001(1000) ack 1
    0.301 < . 1:1(0) ack 1 <sack 1001:3001>
    0.301 > P. 11001:12001(1000) ack 1
    0.302 < . 1:1(0) ack 1 <sack 1001:4001>
    0.302 > . 1:1001(1000) ack 1
    0.31  < . 1:1(0) ack 1 <sack 1001:12001>
    0.35  write 1000
    0.35  > P. 12001:13001(1000) ack 1
    0.45  < . 1:1(0) ack 1 <sack 1001:13001>
    0.45  > . 1:1001(1000) ack 1
    0.45  mib TCPLostRetransmit 1
    0.55  < . 1:1(0) ack 13001`);
});

dialogue(
  'RFC 1191 §6.5: what is too large for the path is resent in smaller segments, and the window stays',
  (t, h) => {
    h.passive({ rtt: 0.1, options: 'mss 1460,sackOK' });
    h.run(`
    0.2   write 2920
    0.2   > . 1:1461(1460) ack 1
    0.2   > P. 1461:2921(1460) ack 1
    0.21  < icmp frag-needed 1000 1
    0.21  > . 1:961(960) ack 1
    0.21  > P. 961:1921(960) ack 1
    0.21  > . 1921:2881(960) ack 1
    0.21  > P. 2881:2921(40) ack 1`);
    window(t, h, 10, 0x7fffffff, 'no congestion');
    h.run(`
    0.31  < . 1:1(0) ack 2921
    0.32  write 1920
    0.32  > . 2921:3881(960) ack 1
    0.32  > P. 3881:4841(960) ack 1
    0.42  < . 1:1(0) ack 4841
    601   write 1460
    601   > P. 4841:6301(1460) ack 1
    601.1 < . 1:1(0) ack 6301`);
  },
);

dialogue(
  'RFC 5927 §4.1: an ICMP error about a sequence number that is not under way is not believed',
  (t, h) => {
    h.passive({ rtt: 0.1, options: 'mss 1460,sackOK' });
    h.run(`
    0.2   write 1460
    0.2   > P. 1:1461(1460) ack 1
    0.21  < icmp frag-needed 600 90001
    0.22  nothing
    0.22  mib OutOfWindowIcmps 1
    0.3   < . 1:1(0) ack 1461`);
    t.equal(h.flow.mss(), 1460);
  },
);

dialogue('RFC 2923 §2.1: tcp_mtu_probing: after R1 timeouts the segments get smaller', (_, h) => {
  h.passive({ rtt: 0.1, options: 'mss 1460,sackOK' });
  h.tcp.config.mtuProbing = 1;
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.2   write 1460
    0.2   > P. 1:1461(1460) ack 1
    0.5   > P. 1:1461(1460) ack 1
    1.1   > P. 1:1461(1460) ack 1
    2.3   > P. 1:1461(1460) ack 1
    4.7   > . 1:1025(1024) ack 1
    4.8   < . 1:1(0) ack 1025
    4.8   > P. 1025:1461(436) ack 1
    4.9   < . 1:1(0) ack 1461`);
});

dialogue(
  'RFC 5681 §3.1, RFC 6298 §5.7: a handshake resent twice begins with one segment, and three seconds',
  (t, h) => {
    h.run(`
    0     listen
    0     < S 0:0(0) win 65535 <mss 1000,sackOK>
    0     > S. 0:0(0) ack 1 <*>
    1     > S. 0:0(0) ack 1 <*>
    3     > S. 0:0(0) ack 1 <*>
    3.1   < . 1:1(0) ack 1 win 65535
    4     write 3000
    4     > . 1:1001(1000) ack 1
    5     > . 1001:2001(1000) ack 1   # a probe
    8     > . 1:1001(1000) ack 1`);
    t.equal(h.flow.congestion.view.cwnd, 1);
    h.run(`
    8.1   < . 1:1(0) ack 2001
    8.1   > P. 2001:3001(1000) ack 1
    8.2   < . 1:1(0) ack 3001`);
  },
);
