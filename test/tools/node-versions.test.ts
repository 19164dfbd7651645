/** What is installed and built with one version of Node works with the others: the command, and the addon in the tour. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { OTHER_NODES, otherNode } from '../../tools/dev/nodes.ts';
import { requires } from '../support/requires.ts';

const run = promisify(execFile);
const TOUR = ['--import=tsx', 'tools/start.ts', '--world', 'tap', '--demo', '--bulk', '3000000'];

t.jobs = OTHER_NODES.length;
for (const major of OTHER_NODES) {
  t.test(`Node ${major}: bin/ringway.js`, { skip: requires({ nodes: [major] }) }, async (t) => {
    const script = 'test/conformance/rfc9293-must-18-timeout.pkt';
    await run(otherNode(major)!, ['bin/ringway.js', 'packetdrill', script]);
    t.pass('a script that holds');
  });
  const skip = requires({ nodes: [major], root: true, tun: true, addon: true });
  t.test(`Node ${major}: the tour on a TAP device`, { skip }, async (t) => {
    const tour = [...TOUR, '--name', `node${major}`];
    const { stdout } = await run(otherNode(major)!, tour, { timeout: 120_000 });
    t.match(stdout, /^18 passed, 0 failed$/m);
    t.match(stdout, /\btap\b/i);
  });
}
