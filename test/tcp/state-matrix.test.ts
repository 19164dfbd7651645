/**
 * The state × event matrix: every state of RFC 9293 §3.3.2 against every kind of segment, ICMP error, timer
 * and user call. What must happen stands in the `state-table` files, none left out.
 */
import t from 'tap';
import { NetHarness } from '../net/rig.ts';
import { EVENT, outcome, STATES, TIMER } from './state-events.ts';
import { StateRig } from './state-rig.ts';
import { CLOSING_TABLE } from './state-table-closing.ts';
import { OPENING_TABLE } from './state-table-opening.ts';
import { STANDING_TABLE } from './state-table-standing.ts';

const START_NS = 1e12;
const EVENTS = [...Object.keys(TIMER), ...Object.keys(EVENT)];

/** State, event → `next | sent | heard`. */
function parse(table: string): Map<string, Map<string, string>> {
  const rows = new Map<string, Map<string, string>>();
  let row = new Map<string, string>();
  for (const line of table.split('\n').filter((text) => text.trim() !== '')) {
    if (!line.startsWith(' ')) {
      row = new Map();
      rows.set(line.trim(), row);
      continue;
    }
    const [event, next, sent, heard] = line
      .replace(/#.*$/, '')
      .split('|')
      .map((cell) => cell.trim());
    row.set(event!, [next, sent, heard].join(' | '));
  }
  return rows;
}

const TABLE = new Map([OPENING_TABLE, STANDING_TABLE, CLOSING_TABLE].flatMap((s) => [...parse(s)]));

t.same([...TABLE.keys()].sort(), Object.keys(STATES).sort(), 'every state has its row');

for (const state of Object.keys(STATES)) {
  const row = TABLE.get(state)!;
  t.test(state, async (t) => {
    t.same([...row.keys()].sort(), [...EVENTS].sort(), 'every event has its cell');
    const net = new NetHarness();
    net.net.env.nowNs = START_NS;
    for (const [i, event] of EVENTS.entries()) {
      const r = new StateRig(net, 1000 + i);
      t.equal(outcome(r, state, event), row.get(event), event);
      t.equal(r.end(), 0, `${event}: all memory is back`);
    }
    net.close(t);
  });
}
