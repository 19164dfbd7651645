/** The queue of a link in a scenario file: QueueSpec, with units. What each means and its default: docs/path.md. */
import { PERIOD, SIZE, SOME_TIME, TIME } from './limits.ts';
import type { Field, Fields, PlainShape, VariantShape } from './shape.ts';

const MOST_FRAMES = 1e7;
const FLAG: PlainShape = { type: 'flag' };
const CHANCE: PlainShape = { type: 'number', least: 0, most: 1 };
const FRAMES: PlainShape = { type: 'whole', least: 1, most: MOST_FRAMES };
/** Of a controller, in Hz. */
const GAIN: PlainShape = { type: 'number', least: 0, most: 1e6 };

function limits(frames: string, bytes?: string): Fields {
  const size = { shape: SIZE, as: 'limitBytes', help: 'Room for so many bytes.' };
  return {
    frames: {
      shape: FRAMES,
      as: 'limitFrames',
      help: 'Room for so many packets.',
      otherwise: frames,
    },
    bytes: bytes === undefined ? size : { ...size, otherwise: bytes },
  };
}

function ecn(otherwise: string): Field {
  return { shape: FLAG, help: 'Marks instead of drops where it can.', otherwise };
}

function target(otherwise: string): Field {
  return { shape: TIME, as: 'targetNs', help: 'The wait that it aims at.', otherwise };
}

const CODEL: Fields = {
  target: target('5 ms'),
  interval: {
    shape: SOME_TIME,
    as: 'intervalNs',
    help: 'About the longest round trip of the flows.',
    otherwise: '100 ms',
  },
  maxPacket: {
    shape: SIZE,
    as: 'maxPacketBytes',
    help: 'With no more than this left nothing is dropped.',
    otherwise: '1514',
  },
  ceThreshold: { shape: TIME, as: 'ceThresholdNs', help: 'Marks whatever waited longer.' },
};

const RED: Fields = {
  ...limits('1000'),
  unit: {
    shape: { type: 'choice', values: ['frames', 'bytes'] },
    help: 'What the average and the thresholds count.',
    otherwise: 'frames',
  },
  minThreshold: {
    shape: { type: 'number', least: 0, most: 1e10 },
    help: 'Below this average nothing is dropped.',
    otherwise: '5 packets',
  },
  maxThreshold: {
    shape: { type: 'number', least: 0, most: 1e10 },
    help: 'At this average the chance is maxProbability.',
    otherwise: 'three times minThreshold',
  },
  weight: {
    shape: { type: 'number', least: 1e-6, most: 1 },
    help: 'What the length at an arrival adds to the average.',
    otherwise: '0.002',
  },
  maxProbability: {
    shape: { type: 'number', least: 1e-6, most: 1 },
    help: 'The chance at maxThreshold.',
    otherwise: '0.02',
  },
  gentle: { shape: FLAG, help: 'All are dropped only at twice maxThreshold.', otherwise: 'true' },
  ecn: ecn('false'),
  hardDrop: {
    shape: FLAG,
    help: 'Where all are dropped, those that could be marked are, too.',
    otherwise: 'false',
  },
  meanFrame: {
    shape: SIZE,
    as: 'meanFrameBytes',
    help: 'What would leave an idle queue.',
    otherwise: '500',
  },
  idleFrame: {
    shape: TIME,
    as: 'idleFrameNs',
    help: 'How long such a packet takes to leave.',
    otherwise: "at the link's rate",
  },
};

const FQ_CODEL: Fields = {
  ...limits('10240', '32 MiB'),
  ...CODEL,
  ecn: ecn('true'),
  flows: {
    shape: { type: 'whole', least: 1, most: 65536 },
    help: 'Buckets that flows are hashed into.',
    otherwise: '1024',
  },
  quantum: {
    shape: SIZE,
    as: 'quantumBytes',
    help: "What a flow sends before it is another's turn.",
    otherwise: '1514',
  },
};

const PIE: Fields = {
  ...limits('1000'),
  target: target('15 ms'),
  update: {
    shape: PERIOD,
    as: 'updateNs',
    help: 'The chance is set so often.',
    otherwise: '15 ms',
  },
  alpha: { shape: GAIN, as: 'alphaHz', help: 'For each second too long.', otherwise: '0.125' },
  beta: {
    shape: GAIN,
    as: 'betaHz',
    help: 'For each second longer than before.',
    otherwise: '1.25',
  },
  burst: {
    shape: TIME,
    as: 'burstNs',
    help: 'After a quiet time nothing is dropped for so long.',
    otherwise: '150 ms',
  },
  ecn: ecn('false'),
  byBytes: {
    shape: FLAG,
    help: "A packet's chance is in proportion to its length.",
    otherwise: 'false',
  },
};

/** Its update is as often as these, unless it is said. */
const DUALPI2: Fields = {
  ...limits('10000'),
  target: { ...target('15 ms'), shape: PERIOD },
  maxRtt: {
    shape: { ...PERIOD, least: 3 * PERIOD.least },
    as: 'maxRttNs',
    help: 'The longest round trip that it stays stable with.',
    otherwise: '100 ms',
  },
  update: {
    shape: PERIOD,
    as: 'updateNs',
    help: 'The chance is set so often.',
    otherwise: 'the target, or a third of maxRtt if that is less',
  },
  alpha: { shape: GAIN, as: 'alphaHz', help: 'For each second too long.', otherwise: '0.15' },
  beta: { shape: GAIN, as: 'betaHz', help: 'For each second longer than before.', otherwise: '3' },
  coupling: {
    shape: { type: 'number', least: 0.01, most: 100 },
    help: 'How much more L4S is marked.',
    otherwise: '2',
  },
  rampFrom: {
    shape: TIME,
    as: 'rampFromNs',
    help: 'An L4S packet that waited longer may be marked.',
    otherwise: '800 us',
  },
  ramp: {
    shape: TIME,
    as: 'rampNs',
    help: 'One that waited so much longer is.',
    otherwise: '400 us',
  },
  rampFrames: {
    shape: { type: 'whole', least: 0, most: MOST_FRAMES },
    help: 'With no more L4S packets than this the ramp marks none.',
    otherwise: '1',
  },
  classicShare: {
    shape: { ...CHANCE, most: 0.99 },
    help: "The others' part of the rate.",
    otherwise: '0.1',
  },
};

export const QUEUE_SHAPE: VariantShape = {
  type: 'variant',
  kinds: {
    'drop-tail': limits('1000'),
    'drop-head': limits('1000'),
    red: RED,
    codel: { ...limits('1000'), ...CODEL, ecn: ecn('false') },
    'fq-codel': FQ_CODEL,
    pie: PIE,
    dualpi2: DUALPI2,
  },
};
