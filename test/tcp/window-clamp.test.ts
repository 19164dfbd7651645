/** TCP_WINDOW_CLAMP, as Linux 6.x has it: a bound of what is offered, whatever the buffer would take. */
import { connectionInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const info = (h: TcpHarness): TcpInfo => {
  const i = new TcpInfo();
  connectionInfo(h.flow, i);
  return i;
};

dialogue('TCP_WINDOW_CLAMP: what was offered stays, and no more is', (t, h) => {
  h.passive();
  h.run('0.1 set windowClamp 20000');
  t.equal(info(h).tcpi_rcv_ssthresh, 20000, 'at once');
  // The right edge stays at 32,121 until what is left of it is less than the clamp.
  for (let n = 1; n <= 40; n++) {
    h.run(`
      ${n}   < P. ${1000 * n - 999}:${1000 * n + 1}(1000) ack 1
      ${n}   > . 1:1(0) ack ${1000 * n + 1} win ${Math.max(32120 - 1000 * n, 20000)}
      ${n}   read 1000`);
  }
  t.equal(info(h).tcpi_rcv_wnd, 20000);
  h.run('50 set windowClamp 30000'); // it may grow again, by two segments for each that comes
  h.run(`
    51    < P. 40001:41001(1000) ack 1
    51    > . 1:1(0) ack 41001 win 22000
    51    read 1000`);
});

dialogue(
  'TCP_WINDOW_CLAMP: a listener has it in its SYN-ACK, and scales no further than is needed',
  (t, h) => {
    h.settings = h.settings.own();
    h.settings.change({ windowClamp: 3000 });
    h.run(`
    0     listen
    0     < S 0:0(0) win 65535 <mss 1000,sackOK,wscale 7>
    0     > S. 0:0(0) ack 1 win 2920 <mss 1460,sackOK,wscale 0>
    0.01  < . 1:1(0) ack 1
    0.1   < P. 1:1001(1000) ack 1
    0.1   > . 1:1(0) ack 1001 win 3000
    0.1   read 1000`);
    t.equal(info(h).tcpi_rcv_ssthresh, 3000, 'inherited');
  },
);
