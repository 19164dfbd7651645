/** A link's direction in a scenario file: LinkSpec, with units. */
import { ANY_RATE, PERIOD, RATE, SIZE, SOME_TIME, TIME } from './limits.ts';
import { QUEUE_SHAPE } from './queue-shape.ts';
import type { Field, Fields, RecordShape, Shape } from './shape.ts';

const PROBABILITY = { type: 'number', least: 0, most: 1 } as const;
const COUNT = { type: 'whole', least: 1, most: 1e9 } as const;

const record = (fields: Fields): RecordShape => ({ type: 'record', fields });
const must = (shape: Shape, help: string, as?: string): Field => ({
  ...{ shape, help, isRequired: true },
  ...(as === undefined ? {} : { as }),
});
const some = (of: Shape): Shape => ({ type: 'list', of, least: 1 });

const AT = must(TIME, 'From then on.', 'atNs');
const REPEAT: Field = {
  shape: PERIOD,
  as: 'repeatNs',
  help: 'It begins again after so long.',
  otherwise: 'the last one stays',
};
const BUCKET = record({
  rate: must(RATE, 'How fast it fills.', 'rateBps'),
  burst: must(SIZE, 'How deep it is.', 'burstBytes'),
});
const UP_DOWN = record({
  up: must(PERIOD, 'Whole for so long.', 'upNs'),
  down: must(PERIOD, 'Cut for so long.', 'downNs'),
});

const RATE_SHAPE: Shape = {
  type: 'either',
  plain: RATE,
  other: {
    type: 'forms',
    forms: {
      steps: {
        steps: must(
          some(record({ at: AT, rate: must(ANY_RATE, 'Bits a second.', 'bps') })),
          'Rates, each from a time on.',
        ),
        repeat: REPEAT,
      },
      trace: {
        trace: must(
          { type: 'text' },
          "A Mahimahi trace: a file's path from the scenario's folder.",
        ),
      },
      onOff: {
        onOff: must(
          record({
            rate: must(RATE, 'While it sends.', 'bps'),
            on: must(PERIOD, 'Mean time of sending.', 'onNs'),
            off: must(PERIOD, 'Mean time of silence.', 'offNs'),
          }),
          'Sends, pauses, sends: times exponentially distributed.',
        ),
      },
      markov: {
        markov: must(
          some(
            record({
              rate: must(ANY_RATE, 'In this state.', 'bps'),
              mean: must(PERIOD, 'Mean time in it.', 'meanNs'),
              to: {
                shape: { type: 'list', of: { type: 'number', least: 0, most: 1e9 } },
                help: 'Weights of what comes after it.',
                otherwise: 'any other, all alike',
              },
            }),
          ),
          'A chain of states.',
        ),
      },
      shaper: { shaper: must(BUCKET, 'A token bucket; what exceeds it waits.') },
    },
  },
};

const DELAY_SHAPE: Shape = {
  type: 'either',
  plain: TIME,
  other: {
    type: 'forms',
    forms: {
      steps: {
        steps: must(
          some(record({ at: AT, delay: must(TIME, 'How long.', 'delayNs') })),
          'Delays, each from a time on.',
        ),
        repeat: REPEAT,
      },
    },
  },
};

const JITTER_SHAPE: Shape = {
  type: 'forms',
  forms: {
    uniform: { uniform: must(SOME_TIME, 'From 0 to this.', 'uniformNs') },
    normal: { normal: must(SOME_TIME, 'Standard deviation.', 'normalNs') },
    pareto: {
      pareto: must(SOME_TIME, 'The mean.', 'paretoNs'),
      shape: {
        shape: { type: 'number', least: 1.01, most: 100 },
        help: 'How heavy the tail is.',
        otherwise: '3',
      },
    },
  },
};

const LOSS_SHAPE: Shape = {
  type: 'either',
  plain: PROBABILITY,
  other: {
    type: 'forms',
    forms: {
      gilbertElliott: {
        gilbertElliott: must(
          record({
            toBad: must(PROBABILITY, 'From good to bad, for each packet.'),
            toGood: must(PROBABILITY, 'From bad to good.'),
            lossInBad: { shape: PROBABILITY, help: 'While it is bad.', otherwise: '1' },
            lossInGood: { shape: PROBABILITY, help: 'While it is good.', otherwise: '0' },
          }),
          'In bursts, by two states.',
        ),
      },
      frames: { frames: must(some(COUNT), 'These packets; the first is 1.') },
      times: { times: must(some(TIME), 'At each of these times the next packet.', 'timesNs') },
      every: {
        every: must(COUNT, 'Each n-th packet.'),
        length: { shape: COUNT, help: 'And so many in all from there on.', otherwise: '1' },
      },
    },
  },
};

const AGGREGATION_SHAPE: Shape = {
  type: 'forms',
  forms: {
    slot: {
      slot: must(SOME_TIME, 'Hands over what has arrived at multiples of this.', 'slotNs'),
      offset: { shape: TIME, as: 'offsetNs', help: 'And so much later.', otherwise: '0' },
    },
    frames: {
      frames: must(COUNT, 'So many packets together.'),
      wait: must(SOME_TIME, 'Or fewer when the first has waited so long.', 'waitNs'),
    },
  },
};

const ONLY_HOSTS: Field = {
  shape: some({ type: 'name' }),
  help: 'Only packets from or to these hosts.',
  otherwise: 'all',
};
const PARTITION_SHAPE: Shape = {
  type: 'forms',
  forms: {
    cuts: {
      cuts: must(
        some(
          record({
            from: must(TIME, 'Cut from then on.', 'fromNs'),
            to: must(SOME_TIME, 'Whole from then on.', 'toNs'),
          }),
        ),
        'During these times.',
      ),
      repeat: REPEAT,
      hosts: ONLY_HOSTS,
    },
    flapping: { flapping: must(UP_DOWN, 'Whole and cut in turn.'), hosts: ONLY_HOSTS },
    random: {
      random: must(UP_DOWN, 'The same; times exponentially distributed about these.'),
      hosts: ONLY_HOSTS,
    },
  },
};

export const LINK_FIELDS: Fields = {
  rate: {
    shape: RATE_SHAPE,
    as: 'rateBps',
    help: 'Bits of frames a second.',
    otherwise: 'no limit',
  },
  delay: {
    shape: DELAY_SHAPE,
    as: 'delayNs',
    help: 'From the last bit sent to the last bit received.',
    otherwise: '0',
  },
  jitter: { shape: JITTER_SHAPE, help: 'Added to each delay.', otherwise: 'none' },
  reorder: {
    shape: { type: 'flag' },
    as: 'mayReorder',
    help: 'A packet with less delay overtakes others.',
    otherwise: 'false',
  },
  queue: {
    shape: QUEUE_SHAPE,
    help: 'Who waits, who is dropped, who is marked.',
    otherwise: 'drop-tail',
  },
  loss: {
    shape: LOSS_SHAPE,
    help: 'The probability with which each packet is lost; or which are.',
    otherwise: '0',
  },
  corruption: {
    shape: PROBABILITY,
    help: 'With which one bit of a packet is another.',
    otherwise: '0',
  },
  duplication: { shape: PROBABILITY, help: 'With which a packet arrives twice.', otherwise: '0' },
  policer: { shape: BUCKET, help: 'Drops what comes faster.', otherwise: 'none' },
  aggregation: {
    shape: AGGREGATION_SHAPE,
    help: 'Hands over several packets at once.',
    otherwise: 'none',
  },
  partitions: {
    shape: some(PARTITION_SHAPE),
    help: 'When it is cut, and for whom.',
    otherwise: 'never',
  },
};

/** Both directions, alike but for what `back` says. */
export const DUPLEX_FIELDS: Fields = {
  ...LINK_FIELDS,
  back: {
    shape: { type: 'record', fields: LINK_FIELDS },
    help: 'What is different in the other direction.',
  },
  mtu: {
    shape: { type: 'whole', least: 576, most: 65535 },
    help: 'The largest IP packet.',
    otherwise: '1500',
  },
};
