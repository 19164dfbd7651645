/**
 * A host loses its address, and with it the route to its peer: as on Linux its connections stay, what they
 * have to say is tried until they time out, and in the end nothing is left of them.
 */
import { ip } from '../net/rig.ts';
import { CLIENT, dialogue, SERVER } from './tcp-rig.ts';

/** Longer than 15 retries take. */
const PATIENCE_SEC = 1500;
const CASES = ['idle', 'write', 'write, close', 'close', 'the peer closes'] as const;

for (const who of ['a', 'b'] as const) {
  for (const what of CASES) {
    dialogue(`${who} loses its address: ${what}`, (t, r) => {
      const [c, s] = r.joined();
      const [own, other] = who === 'a' ? [r.a, r.b] : [r.b, r.a];
      const [ours, theirs] = who === 'a' ? [c, s] : [s, c];
      const eth0 = own.stack.interfaceByName('eth0')!;
      if (what.startsWith('write')) own.write(ours, 'in flight');
      r.ms(1);
      own.stack.removeAddress(eth0, ip(who === 'a' ? CLIENT : SERVER));
      if (what.startsWith('write')) own.write(ours, 'not sent');
      if (what.endsWith(', close') || what === 'close') own.must((api) => api.close(ours));
      if (what === 'the peer closes') other.must((api) => api.close(theirs));
      r.ms(500);
      if (what === 'idle') t.equal(own.poll(ours), 'OUT', 'it is as it was');
      r.sec(PATIENCE_SEC);
      if (what === 'write') t.equal(own.read(ours), 'ETIMEDOUT');
    });
  }
}

dialogue('the address comes back in time: what waited is sent', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  const eth0 = b.stack.interfaceByName('eth0')!;
  b.stack.removeAddress(eth0, ip(SERVER));
  b.write(s, 'late');
  r.sec(20);
  b.stack.addAddress(eth0, ip(SERVER), 24);
  r.sec(30);
  t.equal(a.read(c), 'late');
});
