/** `up --dhcp`, `--ipv4ll` and `ringway dhcp`: in virtual time, and from a command line. */
import t from 'tap';
import { formatAddress } from '../../src/wire/address-text.ts';
import { Autoconf4, dhcpText } from '../../tools/command/autoconf4.ts';
import { arpFrame, watch } from '../autoconf/arp-rig.ts';
import { frame, said } from '../autoconf/dhcp-rig.ts';
import { dialogue, NetHarness } from '../net/rig.ts';
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

const NOBODY = { addresses: [], gateway: false } as const;

/** What a server says that never gives a lease, or somebody who has every address. */
const VAIN: Record<string, (h: NetHarness, xid: number) => void> = {
  'a server that offers and says no more': (h, xid) => void h.giveFrame(frame({ xid })),
  'a server that refuses': (h, xid) => {
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'NAK' }));
  },
  'an address that somebody has': (h, xid) => {
    h.giveFrame(frame({ xid }));
    h.giveFrame(frame({ xid, type: 'ACK' }));
    h.giveFrame(arpFrame({ sender: '10.0.0.50' }));
  },
};

for (const [name, says] of Object.entries(VAIN)) {
  for (const both of [false, true]) {
    t.test(`up says its line in spite of ${name}${both ? ', with --ipv4ll' : ''}`, async (t) => {
      const h = new NetHarness(NOBODY);
      const auto = new Autoconf4(h.stack, h.port.iface, true, both);
      auto.start();
      let xid = 0;
      await auto.settled(async (ms) => {
        watch(h, ms / 1000, (seen) => {
          xid = said(seen)?.xid ?? xid;
          return '';
        });
        says(h, xid);
        if (h.now > 60) throw new Error(`still ${auto.dhcp!.state}`);
      });
      t.equal(auto.linkLocal?.isUp ?? false, both);
      t.ok(both ? h.now > 15 && h.now < 25 : Math.abs(h.now - 15) < 0.1, `${h.now} s`);
      auto.dhcp!.stop();
      auto.linkLocal?.stop();
      h.close(t);
    });
  }
}

t.test('up --ipv4ll says its line although somebody claims each address', async (t) => {
  const h = new NetHarness(NOBODY);
  const auto = new Autoconf4(h.stack, h.port.iface, false, true);
  auto.start();
  await auto.settled(async (ms) => {
    watch(h, ms / 1000);
    h.giveFrame(arpFrame({ sender: formatAddress(auto.linkLocal!.address) }));
    if (h.now > 60) throw new Error('still waiting');
  });
  t.ok(Math.abs(h.now - 10) < 0.1, `${h.now} s`);
  auto.linkLocal!.stop();
  h.close(t);
});

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
