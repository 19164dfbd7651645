/** TCP between a stack of ours and the kernel at the two ends of one wire: `node tcp-child.ts WORLD`. */
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { check, connect, SEED, Station, until, type World } from './lab.ts';
import { closeOrders } from './tcp-closing.ts';
import { curls } from './tcp-curl.ts';
import { fastOpens, isOpenedFast } from './tcp-fast-open.ts';
import { Meeting } from './tcp-meeting.ts';
import { optionCombinations, shortConnections, transfers } from './tcp-transfer.ts';
import { vanishing } from './tcp-vanishing.ts';

const world = process.argv[2] as World;
const memory = openMemory();
const driver = new LiveDriver();
const device = await connect(world, memory, 'wire0', ['10.9.0.1/24', 'fd09::1/64']);
const us = new Station(driver, memory, device, SEED, ['10.9.0.2/24', 'fd09::2/64']);
const meeting = new Meeting(us);
await meeting.open();

await check('every address passes duplicate address detection', async () =>
  (await until(() => us.isSettled())) ? null : 'still tentative',
);
await optionCombinations(meeting);
await transfers(meeting, world);
await shortConnections(meeting);
await closeOrders(meeting);
await fastOpens(meeting);
await isOpenedFast(meeting);
await curls(meeting);
await check("the kernel's counters show nothing wrong with us", async () => meeting.surprises());
await vanishing(meeting);
meeting.close();
await check('closing leaves no memory held', async () => {
  us.close();
  driver.close();
  const { pages, chunks } = memory;
  // The loopback device keeps the chunk it fills.
  return pages.held === 0 && chunks.held <= 1 ? null : `${pages.held} pages, ${chunks.held} chunks`;
});
process.exit();
