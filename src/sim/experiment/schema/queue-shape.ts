/** A link's queue in a scenario file: QueueSpec, with units. */
import type { Fields, VariantShape } from './shape.ts';

const MOST = 1e7;
const COUNT = { type: 'whole', least: 1, most: MOST } as const;
const SIZE = { type: 'quantity', unit: 'size', least: 1 } as const;
const TIME = { type: 'quantity', unit: 'time', least: 1 } as const;
const SHARE = { type: 'number', least: 0, most: 1 } as const;
const FLAG = { type: 'flag' } as const;
const POSITIVE = { type: 'number', least: 0, most: 1e6 } as const;

/** What every queue has. */
function limits(frames: string): Fields {
  return {
    frames: {
      shape: COUNT,
      as: 'limitFrames',
      help: 'Room for so many packets.',
      otherwise: frames,
    },
    bytes: { shape: SIZE, as: 'limitBytes', help: 'Room for so many bytes.' },
  };
}

const CODEL: Fields = {
  target: {
    shape: TIME,
    as: 'targetNs',
    help: 'The wait that is tolerated for longer than an interval.',
    otherwise: '5 ms',
  },
  interval: {
    shape: TIME,
    as: 'intervalNs',
    help: 'About the longest round trip of the flows.',
    otherwise: '100 ms',
  },
  ecn: {
    shape: FLAG,
    help: 'Marks instead of drops where it can.',
    otherwise: 'codel false, fq-codel true',
  },
  ceThreshold: {
    shape: TIME,
    as: 'ceThresholdNs',
    help: 'Marks whatever waited longer.',
    otherwise: 'off',
  },
};

export const QUEUE_SHAPE: VariantShape = {
  type: 'variant',
  kinds: {
    'drop-tail': limits('1000'),
    'drop-head': limits('1000'),
    red: {
      ...limits('1000'),
      unit: {
        shape: { type: 'choice', values: ['frames', 'bytes'] },
        help: 'What the average counts.',
        otherwise: 'frames',
      },
      minThreshold: { shape: POSITIVE, help: 'min_th.', otherwise: '5 frames' },
      maxThreshold: { shape: POSITIVE, help: 'max_th.', otherwise: 'three times min_th' },
      weight: { shape: SHARE, help: 'w_q.', otherwise: '0.002' },
      maxProbability: { shape: SHARE, help: 'max_p.', otherwise: '0.02' },
      gentle: { shape: FLAG, help: 'All are dropped only above twice max_th.', otherwise: 'true' },
      ecn: { shape: FLAG, help: 'Marks instead of drops where it can.', otherwise: 'false' },
    },
    codel: { ...limits('1000'), ...CODEL },
    'fq-codel': {
      ...limits('10240'),
      ...CODEL,
      flows: {
        shape: { type: 'whole', least: 1, most: 65_536 },
        help: 'Buckets that flows are hashed into.',
        otherwise: '1024',
      },
      quantum: {
        shape: SIZE,
        as: 'quantumBytes',
        help: "Bytes before it is another flow's turn.",
        otherwise: '1514',
      },
    },
    pie: {
      ...limits('1000'),
      target: { shape: TIME, as: 'targetNs', help: 'QDELAY_REF.', otherwise: '15 ms' },
      update: { shape: TIME, as: 'updateNs', help: 'T_UPDATE.', otherwise: '15 ms' },
      alpha: {
        shape: POSITIVE,
        as: 'alphaHz',
        help: 'Of the probability, for each second too long.',
        otherwise: '0.125',
      },
      beta: {
        shape: POSITIVE,
        as: 'betaHz',
        help: 'For each second longer than before.',
        otherwise: '1.25',
      },
      burst: {
        shape: { type: 'quantity', unit: 'time', least: 0 },
        as: 'burstNs',
        help: 'MAX_BURST.',
        otherwise: '150 ms',
      },
      ecn: {
        shape: FLAG,
        help: 'Marks instead of drops while the probability is small.',
        otherwise: 'false',
      },
    },
    dualpi2: {
      ...limits('10000'),
      target: { shape: TIME, as: 'targetNs', help: 'Of the classic queue.', otherwise: '15 ms' },
      maxRtt: {
        shape: TIME,
        as: 'maxRttNs',
        help: 'The longest round trip that it stays stable with.',
        otherwise: '100 ms',
      },
      coupling: { shape: POSITIVE, help: 'k.', otherwise: '2' },
      rampFrom: {
        shape: { type: 'quantity', unit: 'time', least: 0 },
        as: 'rampFromNs',
        help: 'L4S packets that waited longer may be marked.',
        otherwise: '800 µs',
      },
      ramp: {
        shape: { type: 'quantity', unit: 'time', least: 0 },
        as: 'rampNs',
        help: 'Those that waited so much longer are.',
        otherwise: '400 µs',
      },
      classicShare: {
        shape: SHARE,
        help: "The classic queue's part of the rate.",
        otherwise: '0.1',
      },
    },
  },
};
