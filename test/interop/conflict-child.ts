/**
 * RFC 5227 and RFC 3927 beside the kernel and Debian's arping: `node conflict-child.ts`. The kernel has the address that we
 * would take; then somebody claims the one that we have.
 */
import { LinkLocal4 } from '../../src/autoconf/link-local4.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { check, connect, linux, mustLinux, SEED, Station, until } from './lab.ts';

/** Up to a second before the first of three probes, two between them, two after the last; and a conflict on the way. */
const LIMIT_MS = 40_000;
const memory = openMemory();
const driver = new LiveDriver();
const device = await connect('tap', memory, 'wire0', ['169.254.0.9/16']);
const us = new Station(driver, memory, device, SEED, []);
// For arping: others speak for addresses that the kernel has not.
await mustLinux('sysctl -qw net.ipv4.ip_nonlocal_bind=1');
const own = new LinkLocal4(us.stack, us.iface);
const have = (): string =>
  us.iface.addresses
    .map((a) => formatAddress(a.address))
    .filter((text) => text.startsWith('169.254.'))
    .join();
const announced = (by: string) => linux(`arping -q -c 1 -U -I wire0 ${by}`);

driver.kick();
own.start();
const first = formatAddress(own.address);
await mustLinux(`ip addr add ${first}/32 dev wire0`);
await check('the kernel has the address that we would take: we take another', async () => {
  await until(() => own.isUp, LIMIT_MS);
  const isRight = have() !== '' && have() !== first && own.limit.conflicts === 0;
  return isRight ? null : `${first}: ${have()}`;
});
const ours = have();
await check('Linux reaches us at it, and we reach Linux', async () => {
  const { status, output } = await linux(`ping -c 2 -W 5 ${ours}`);
  return status === 0 ? us.ping('169.254.0.9', 100, 1) : output;
});
await check('duplicate detection by arping -D finds us', async () => {
  const { status, output } = await linux(`arping -D -c 3 -I wire0 ${ours}`);
  return status === 1 ? null : `${status}: ${output}`;
});
await check('RFC 5227 §2.4: who claims it is told once that it is ours', async () => {
  await announced(ours);
  await until(() => own.claim.defences > 0);
  return own.claim.defences === 1 && have() === ours ? null : `${own.claim.defences}, ${have()}`;
});
await check('and who insists gets it', async () => {
  await announced(ours);
  await until(() => have() !== ours);
  const next = formatAddress(own.address);
  return have() === '' && next !== ours && next !== first ? null : `${have()}, ${next}`;
});
own.stop();
us.close();
driver.close();
