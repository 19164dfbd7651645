/** `up --dhcp`, `--ipv4ll` and `ringway dhcp`: in virtual time, and from a command line. */
import t from 'tap';
import { Autoconf4, dhcpText } from '../../tools/command/autoconf4.ts';
import { watch } from '../autoconf/arp-rig.ts';
import { frame, said } from '../autoconf/dhcp-rig.ts';
import { dialogue } from '../net/rig.ts';
import { Place } from './command-place.ts';

dialogue(
  'a link-local address stands in while no server answers, and goes when one does',
  (t, h) => {
    const auto = new Autoconf4(h.stack, h.port.iface, true, true);
    let xid = 0;
    const pass = (seconds: number): void => {
      watch(h, seconds, (seen) => {
        xid = said(seen)?.xid ?? xid;
        return '';
      });
    };
    auto.start();
    pass(9);
    t.equal(auto.linkLocal!.isUp, false, 'not at once');
    pass(20);
    t.equal(auto.linkLocal!.isUp, true);
    t.equal(dhcpText(auto.views(0)[0]!), 'eth0: selecting\n    DiscoversSent 4');
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'ACK' }));
    t.equal(auto.linkLocal!.isUp, true, 'until the other is known to be free');
    pass(9);
    t.equal(auto.linkLocal!.isUp, false);
    const [view] = auto.views(h.net.env.nowNs);
    t.match(view, {
      state: 'bound',
      address: '10.0.0.50/24',
      server: '10.0.0.2',
      nameservers: ['10.0.0.53'],
      domain: 'example.net',
      lifetime: 3591,
    });
    t.match(dhcpText(view!), /address 10\.0\.0\.50\/24 from 10\.0\.0\.2 lifetime 3591sec\n/);
    t.throws(() => auto.change(['renew', 'now']), { code: 'ERR_USAGE' });
    auto.change(['renew']);
    t.equal(auto.dhcp!.state, 'renewing');
    t.throws(() => auto.change(['renew']), { code: 'EALREADY' });
    auto.dhcp!.stop();
  },
  { addresses: [], gateway: false },
);

t.test(
  'up --ipv4ll takes a link-local address; without --dhcp there is nothing to renew',
  async (t) => {
    const place = new Place(t);
    const stack = await place.up(['--memory', '--ipv4ll']);
    const [, link] = (await place.json('addr', '-4', '-j')) as { addr_info: object[] }[];
    t.match(link!.addr_info, [{ local: /^169\.254\./, prefixlen: 16, scope: 'link' }]);
    const { code, err } = await place.run('dhcp', 'renew');
    t.equal(code, 3);
    t.match(err, /no DHCP client here/);
    t.same(await place.json('dhcp', '-j'), []);
    stack.child.kill('SIGTERM');
    t.equal(await stack.ended, 0);
  },
);
