/** What an interface has learnt about itself: a smaller MTU, addresses that are lent, and what is shown of them. */
import t from 'tap';
import { EMSGSIZE } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import { addrView } from '../../tools/command/views.ts';
import { addrText } from '../../tools/command/views-text.ts';
import { data } from './packets.ts';
import { dialogue, ip, NetHarness } from './rig.ts';

dialogue('an interface can have a smaller MTU than its device, and never a larger one', (t, h) => {
  const { iface } = h.port;
  t.equal(iface.mtu, 1500);
  iface.limitMtu(9000);
  t.equal(iface.mtu, 1500);
  iface.limitMtu(600);
  h.stack.net.routes.changed();
  t.equal(iface.mtu, 600);
  h.ping(h.echo(), '10.0.0.2', data(600));
  t.same(
    h.sent().map((s) => s.length),
    [596, 52],
    'what is longer is cut',
  );
  h.ping(h.echo(), '2001:db8::2', data(1000));
  t.same(
    h.sent().map((s) => s.length),
    [1048],
    'IPv6 has an MTU of its own',
  );
  iface.limitMtu(10);
  h.stack.net.routes.changed();
  t.equal(iface.mtu, 68, 'RFC 791 §3.2: each link carries 68 bytes');
  h.ping(h.echo(), '10.0.0.2', data(56));
  t.same(
    h.sent().map((s) => s.length),
    [68, 36],
  );
  iface.limitMtu(0);
  h.stack.net.routes.changed();
  h.ping(h.echo(), '10.0.0.2', data(600));
  t.same(
    h.sent().map((s) => s.length),
    [628],
  );
});

t.test('a link that carries no fragment carries nothing that must be cut', async (t) => {
  const h = new NetHarness({ mtu: 27, caps: { maxFrame: 1514 } });
  t.equal(h.ping(h.echo(), '10.0.0.2', data(56)), -EMSGSIZE);
  t.strictSame(h.sent(), []);
  h.close(t);
});

dialogue('an address that was lent shows how long it is ours', (t, h) => {
  const { iface } = h.port;
  iface.find(ip('10.0.0.1'))!.setLifetimes(120 * SEC, 60.4 * SEC);
  const shown = () => addrView(iface, h.net.env.nowNs).addr_info[1]!;
  h.addAddress(h.port, '169.254.7.7/16');
  t.match(shown(), { dynamic: true, valid_life_time: 120, preferred_life_time: 60 });
  h.advance(100);
  t.match(shown(), { valid_life_time: 20, preferred_life_time: 0 });
  const text = addrText(addrView(iface, h.net.env.nowNs));
  t.match(text, /inet 10\.0\.0\.1\/24 brd 10\.0\.0\.255 scope global dynamic eth0/);
  t.match(text, /valid_lft 20sec preferred_lft 0sec/);
  t.match(text, /169\.254\.7\.7\/16 brd 169\.254\.255\.255 scope link eth0\n +valid_lft forever/);
});

t.end();
