/**
 * A stack of ours behind a port of a Linux bridge that snoops and is the querier: what the kernel believes that we
 * listen to (`bridge mdb`), by IGMPv3 and MLDv2 and by the versions before. `node group-child.ts`.
 */
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { address, check, connect, linux, mustLinux, SEED, Station, until } from './lab.ts';

const FOUR = '239.1.2.3';
const SIX = 'ff05::1:3';
const GROUPS = [FOUR, SIX];
const memory = openMemory();
const driver = new LiveDriver();
const wire = await connect('tap', memory, 'wire', []);
await mustLinux('ip link add br0 type bridge mcast_snooping 1 mcast_querier 1');
await mustLinux('ip link set br0 type bridge mcast_igmp_version 3 mcast_mld_version 2');
// In hundredths of a second.
await mustLinux('ip link set br0 type bridge mcast_query_response_interval 20');
await mustLinux('ip link set br0 type bridge mcast_startup_query_interval 150');
await mustLinux('ip link set br0 type bridge mcast_query_interval 300');
await mustLinux('ip link set br0 type bridge mcast_last_member_interval 10');
await mustLinux('ip link set wire master br0');
await mustLinux('ip addr add 10.1.0.1/24 dev br0');
await mustLinux('ip link set br0 up');
const us = new Station(driver, memory, wire, SEED, ['10.1.0.2/24']);
const { igmp, mld, groups } = us.iface;

await check('addresses are settled', async () =>
  (await until(() => us.isSettled())) ? null : 'still tentative',
);
await hearsQueries(3);
await isKnown('of the newest version');
await mustLinux('ip link set br0 type bridge mcast_igmp_version 2 mcast_mld_version 1');
await mustLinux('ip link set br0 type bridge mcast_querier 0');
await mustLinux('ip link set br0 type bridge mcast_querier 1');
await hearsQueries(2);
await isKnown('of the version before');
await check('closing leaves no memory held', async () => {
  us.close();
  driver.close();
  const { cells, chunks } = memory;
  return cells.held === 0 && chunks.held <= 2 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});

/** The querier's messages are understood: MLDv1 is 2, MLDv2 is 3. */
async function hearsQueries(version: number): Promise<void> {
  await check(`the kernel queries in version ${version}, and so do we speak`, async () => {
    const { mib } = us.stack.net;
    const before = mib.igmp.get('InQueries') + mib.icmp6.inType[130]!;
    const heard = () => mib.igmp.get('InQueries') + mib.icmp6.inType[130]! > before;
    const isSpoken = () => igmp!.version === version && mld!.version === version && heard();
    if (await until(isSpoken, 20_000)) return null;
    return `IGMP ${igmp!.version}, MLD ${mld!.version}, ${JSON.stringify(us.stack.net.drops.toObject())}`;
  });
}

async function isKnown(how: string): Promise<void> {
  for (const group of GROUPS) {
    const isListed = async (): Promise<boolean> =>
      (await linux('bridge mdb show dev br0')).output.includes(`port wire grp ${group} `);
    await check(`the bridge learns that we listen to ${group} by a report ${how}`, async () => {
      groups.join(address(group));
      driver.kick();
      return (await comesTrue(isListed)) ? null : 'not in bridge mdb';
    });
    await check(`and that we have left ${group}, ${how}`, async () => {
      groups.leave(address(group));
      driver.kick();
      return (await comesTrue(async () => !(await isListed()))) ? null : 'still in bridge mdb';
    });
  }
}

async function comesTrue(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 60; tries++) {
    if (await isTrue()) return true;
    await until(() => false, 200);
  }
  return false;
}
