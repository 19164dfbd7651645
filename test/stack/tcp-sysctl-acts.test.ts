/** Each of TCP's sysctls acts: what it changes can be seen from outside, in Linux's units. */
import t from 'tap';
import { TCP_SYSCTLS } from '../../src/stack/tcp-sysctl.ts';
import { PORT_SYSCTLS } from './port-sysctls.ts';
import { ATTACK_ACTS } from './tcp-sysctl-attacks.ts';
import { LOSS_ACTS } from './tcp-sysctl-loss.ts';
import { OPENING_ACTS } from './tcp-sysctl-opening.ts';
import { RECEIVING_ACTS } from './tcp-sysctl-receiving.ts';
import type { Act } from './tcp-sysctl-rig.ts';
import { SENDING_ACTS } from './tcp-sysctl-sending.ts';

const ACTS: Readonly<Record<string, Act>> = {
  ...OPENING_ACTS,
  ...SENDING_ACTS,
  ...LOSS_ACTS,
  ...RECEIVING_ACTS,
  ...ATTACK_ACTS,
  ...PORT_SYSCTLS,
};

t.test('every TCP sysctl has a proof', async (t) => {
  t.same(Object.keys(ACTS).sort(), TCP_SYSCTLS.map((s) => s.name).sort());
});

for (const [name, act] of Object.entries(ACTS)) {
  t.test(name, async (t) => act(t, name));
}
