/** What a scenario file may expect of its results: told by the quantity, whose value is the band that it has to be in. */
import { TAKES } from '../expect/expectation.ts';
import { ANY_RATE, PERIOD, TIME } from './limits.ts';
import type { Field, Fields, FormsShape, PlainShape, Shape } from './shape.ts';

const ANY: PlainShape = { type: 'number', least: -1e18, most: 1e18 };
const COUNT: PlainShape = { type: 'number', least: 0, most: 1e15 };
const SHARE: PlainShape = { type: 'number', least: 0, most: 1 };

function band(shape: PlainShape, more: Fields = {}): Shape {
  return {
    type: 'record',
    fields: {
      ...more,
      min: { shape, help: 'At least.', otherwise: 'no bound' },
      max: { shape, help: 'At most.', otherwise: 'no bound' },
    },
  };
}

const RANGE: Fields = {
  from: { shape: TIME, as: 'fromNs', help: 'What is before does not count.', otherwise: '0' },
  to: { shape: TIME, as: 'toNs', help: 'What is later does not count.', otherwise: 'the end' },
};
const FLOW: Fields = {
  flow: {
    shape: { type: 'text' },
    help: 'Of which flow; a name with a count is all of them. With :back, the end that answers.',
    otherwise: 'all',
  },
};
const TAKE: Fields = {
  take: {
    shape: { type: 'choice', values: TAKES },
    help: 'Which of the values has to be in the band.',
    otherwise: 'each',
  },
};
const DURING: Fields = {
  during: {
    shape: { type: 'text' },
    help: 'Only while congestion control is in this phase.',
    otherwise: 'always',
  },
};
const EVERY: Fields = {
  every: {
    shape: PERIOD,
    as: 'everyNs',
    help: 'Each interval of this length has to be in the band.',
    otherwise: 'the whole',
  },
};
const LINK: Fields = {
  link: {
    shape: { type: 'text' },
    isRequired: true,
    help: 'Which direction of a link: left>right.',
  },
};
const WORDS: Shape = { type: 'list', of: { type: 'text' } };

const form = (name: string, shape: Shape, help: string, more: Fields): Fields => ({
  [name]: { shape, help, isRequired: true } satisfies Field,
  ...more,
  ...RANGE,
});
const acks = (name: string, shape: PlainShape, help: string): readonly [string, Fields] => [
  name,
  form(name, band(shape), help, { ...FLOW, ...TAKE, ...DURING }),
];
const flows = (
  name: string,
  shape: PlainShape,
  help: string,
  more: Fields = {},
): readonly [string, Fields] => [name, form(name, band(shape), help, { ...FLOW, ...more })];
const link = (name: string, shape: PlainShape, help: string): readonly [string, Fields] => [
  name,
  form(name, band(shape), help, LINK),
];

/** By quantity: with each ACK, of flows from one moment to another, of a link. */
const ACKS: Readonly<Record<string, Fields>> = {
  ...Object.fromEntries([
    acks('cwnd', COUNT, 'Segments, after each ACK.'),
    acks('ssthresh', COUNT, 'Segments.'),
    acks('inFlight', COUNT, 'Segments.'),
    acks('rtt', TIME, 'A round trip as each ACK told it.'),
    acks('srtt', TIME, 'Smoothed.'),
    acks('pacing', ANY_RATE, 'The pacing rate.'),
    acks('rate', ANY_RATE, 'The latest delivery rate.'),
  ]),
  info: form(
    'info',
    band(ANY, {
      name: { shape: { type: 'text' }, isRequired: true, help: 'Its name in TCP_CC_INFO.' },
    }),
    "A number of the module's own.",
    { ...FLOW, ...DURING },
  ),
  phases: form('phases', WORDS, 'Those of the module, exactly these, one after the other.', FLOW),
  never: form('never', WORDS, 'None of these phases.', FLOW),
  time: {
    ...form('time', band(TIME), 'Spent in a phase, in all.', FLOW),
    during: { ...DURING.during!, isRequired: true },
  },
};
const FLOWS: Readonly<Record<string, Fields>> = Object.fromEntries([
  flows('goodput', ANY_RATE, 'Payload that applications have read.', EVERY),
  flows('share', SHARE, 'Of the goodput of all flows.'),
  flows('retransmitted', SHARE, 'Of the segments sent.'),
  flows('completed', COUNT, 'Transfers, answers, pages.'),
  flows('completion', TIME, 'How long each of those took.', TAKE),
  flows('failed', COUNT, 'Connections.'),
  flows(
    'jain',
    SHARE,
    "Jain's index of goodput; of all endless bulk flows, or of those counted from a name.",
  ),
]);
const LINKS: Readonly<Record<string, Fields>> = Object.fromEntries([
  link('throughput', ANY_RATE, 'Bits of frames that arrived.'),
  link('dropped', SHARE, 'Of the packets that came: by its queue, policer, MTU or a cut.'),
  link('lost', SHARE, 'Of the packets that came.'),
  link('marked', SHARE, 'Of the packets that came: with CE.'),
]);

/** Which of them tells of what. */
export const EXPECTED_OF = { acks: ACKS, flows: FLOWS, link: LINKS } as const;

export const EXPECT_SHAPE: FormsShape = { type: 'forms', forms: { ...ACKS, ...FLOWS, ...LINKS } };
