/** The UDP echo server of `ringway up --echo` and `npm start`. Virtual time, no device. */
import { UdpEchoServer } from '../../tools/command/echo-server.ts';
import { data } from '../net/packets.ts';
import { dialogue } from '../udp/udp-rig.ts';

dialogue('the answer comes from the address that was asked', (t, h) => {
  t.equal(h.addAddress(h.port, '10.0.0.3/24'), 0);
  const server = new UdpEchoServer(h.stack, 7);
  for (const asked of ['10.0.0.1', '10.0.0.3']) {
    t.equal(h.arrives({ from: 4000, to: 7 }, data(9), '10.0.0.2', asked), 'accepted');
    h.settle();
    t.match(h.lines().join('\n'), new RegExp(`${asked.replaceAll('.', '\\.')}\\b.*10\\.0\\.0\\.2`));
  }
  t.equal(server.echoed, 2);
  server.close();
});

dialogue('it is silent to ports where something may answer the answer', (t, h) => {
  const server = new UdpEchoServer(h.stack, 7777);
  for (const from of [7, 13, 17, 19, 37, 7777]) {
    t.equal(h.arrives({ from, to: 7777 }, data(9)), 'accepted');
  }
  h.settle();
  t.same(h.lines(), []);
  t.equal(server.refused, 6);
  t.equal(h.arrives({ from: 8, to: 7777 }, data(9)), 'accepted');
  h.settle();
  t.equal(server.echoed, 1);
  server.close();
});
