/** A scenario file. */

import { EXPECT_SHAPE } from './expect-shape.ts';
import { ANY_RATE, PERIOD, RATE, SIZE, SOME_TIME, TIME } from './limits.ts';
import { DUPLEX_FIELDS } from './link-shape.ts';
import type { Fields, RecordShape, Shape } from './shape.ts';

const NAME = { type: 'name' } as const;
const IP = { type: 'choice', values: [4, 6] } as const;
const DUPLEX: RecordShape = { type: 'record', fields: DUPLEX_FIELDS };
const PARAMETER = { type: 'number', least: -1e15, most: 1e15 } as const;
const MOST_HOSTS = 10_000;
/** Each has a port, below those that stacks choose by themselves. */
export const MOST_FLOWS = 27_000;

/** All of any packet; what Wireshark takes. */
export const MOST_SNAPLEN = 262_144;

const HOST: Shape = {
  type: 'either',
  plain: NAME,
  other: {
    type: 'record',
    fields: {
      name: { shape: NAME, isRequired: true, help: 'As flows and links call it.' },
      sysctl: {
        shape: { type: 'map', of: { type: 'text' } },
        help: "Settings of its stack by their Linux names, as net.ipv4.tcp_sack: '0'.",
      },
    },
  },
};

const LINK: RecordShape = {
  type: 'record',
  fields: {
    between: {
      shape: { type: 'list', of: NAME, least: 2, most: 2 },
      isRequired: true,
      help: 'Its two ends: hosts or routers.',
    },
    ...DUPLEX_FIELDS,
  },
};

const TOPOLOGY: Shape = {
  type: 'variant',
  kinds: {
    'point-to-point': {
      link: { shape: DUPLEX, isRequired: true, help: 'Between the hosts a and b.' },
    },
    dumbbell: {
      pairs: {
        shape: { type: 'whole', least: 1, most: MOST_HOSTS / 2 },
        help: 'Hosts on each side: left1 …, right1 ….',
        otherwise: '1',
      },
      bottleneck: { shape: DUPLEX, isRequired: true, help: 'From router left to router right.' },
      access: { shape: DUPLEX, help: 'From each host to its router.', otherwise: '1 Gbit/s, 1 ms' },
    },
    'parking-lot': {
      hops: {
        shape: { type: 'whole', least: 1, most: 1000 },
        isRequired: true,
        help: 'Bottlenecks in a row.',
      },
      bottleneck: {
        shape: DUPLEX,
        isRequired: true,
        help: 'Each of them: from router r1 to r2, r2 to r3 …. Hosts begin and end stand at either end, in1 and out1 about the first, and so on.',
      },
      access: { shape: DUPLEX, help: 'From each host to its router.', otherwise: '1 Gbit/s, 1 ms' },
    },
    graph: {
      hosts: {
        shape: { type: 'list', of: HOST, least: 2, most: MOST_HOSTS },
        isRequired: true,
        help: 'Each has one link.',
      },
      routers: {
        shape: { type: 'list', of: NAME },
        help: 'What passes packets on.',
        otherwise: 'none',
      },
      links: {
        shape: { type: 'list', of: LINK, least: 1 },
        isRequired: true,
        help: 'Between any two of them.',
      },
    },
  },
};

const TRAFFIC_STEP: RecordShape = {
  type: 'record',
  fields: {
    at: { shape: TIME, as: 'atNs', isRequired: true, help: 'From then on.' },
    rate: {
      shape: ANY_RATE,
      as: 'rateBps',
      help: 'Of payload; 0 is silence.',
      otherwise: 'as much as the network takes',
    },
  },
};

const TRAFFIC: Shape = {
  type: 'variant',
  kinds: {
    bulk: { bytes: { shape: SIZE, help: 'How much.', otherwise: 'no end' } },
    requests: {
      request: { shape: SIZE, as: 'requestBytes', isRequired: true, help: 'Size of a request.' },
      response: { shape: SIZE, as: 'responseBytes', isRequired: true, help: 'Size of an answer.' },
      think: {
        shape: TIME,
        as: 'thinkNs',
        help: 'From an answer to the next request.',
        otherwise: '0',
      },
      count: {
        shape: { type: 'whole', least: 1, most: 1e9 },
        help: 'How many.',
        otherwise: 'no end',
      },
    },
    'on-off': {
      on: {
        shape: PERIOD,
        as: 'onNs',
        isRequired: true,
        help: 'Mean time of sending, exponentially distributed.',
      },
      off: { shape: PERIOD, as: 'offNs', isRequired: true, help: 'Mean time of silence.' },
    },
    'constant-rate': {
      rate: {
        shape: RATE,
        as: 'rateBps',
        isRequired: true,
        help: 'Of payload.',
      },
      write: { shape: SIZE, as: 'writeBytes', help: 'Bytes in each write.', otherwise: '1200' },
    },
    steps: {
      steps: {
        shape: { type: 'list', of: TRAFFIC_STEP, least: 1 },
        isRequired: true,
        help: 'What it sends, each from a time on.',
      },
    },
    page: {
      document: { shape: SIZE, as: 'documentBytes', isRequired: true, help: 'What comes first.' },
      objects: {
        shape: { type: 'whole', least: 0, most: 10_000 },
        isRequired: true,
        help: 'How many follow it.',
      },
      object: { shape: SIZE, as: 'objectBytes', isRequired: true, help: 'Size of each.' },
      connections: {
        shape: { type: 'whole', least: 1, most: 256 },
        help: 'At most so many at once.',
        otherwise: '6',
      },
    },
  },
};

const FLOW: RecordShape = {
  type: 'record',
  fields: {
    name: { shape: NAME, help: 'In traces and reports.', otherwise: 'flow1, flow2 …' },
    from: {
      shape: NAME,
      isRequired: true,
      help: 'The host that opens the connection, and sends (bulk) or asks (requests, page).',
    },
    to: { shape: NAME, isRequired: true, help: 'The host that it is with.' },
    ip: { shape: IP, help: 'Over which IP.', otherwise: "the scenario's" },
    cc: {
      shape: { type: 'text' },
      help: 'Congestion control of both ends: a name, or the path of a module.',
      otherwise: 'cubic',
    },
    start: { shape: TIME, as: 'startNs', help: 'When it begins.', otherwise: '0' },
    stop: { shape: TIME, as: 'stopNs', help: 'When it offers no more.', otherwise: 'the end' },
    traffic: { shape: TRAFFIC, help: 'What it carries.', otherwise: 'kind: bulk' },
    group: {
      shape: NAME,
      help: 'Flows of one group are summed up together, and run alone together.',
      otherwise: 'its name; of a `count`, all of them',
    },
    count: {
      shape: { type: 'whole', least: 1, most: MOST_FLOWS },
      help: 'So many of them: name.1, name.2 ….',
      otherwise: '1',
    },
    every: {
      shape: TIME,
      as: 'everyNs',
      help: 'Each of them starts so much later than the one before.',
      otherwise: '0',
    },
  },
};

const TRACE: RecordShape = {
  type: 'record',
  fields: {
    acks: {
      shape: { type: 'flag' },
      help: 'A line for each ACK and event of each sender.',
      otherwise: 'false',
    },
    interval: {
      shape: PERIOD,
      as: 'intervalNs',
      help: 'A line for each queue and each flow, so often.',
      otherwise: 'none',
    },
    packets: {
      shape: { type: 'either', plain: { type: 'flag' }, other: { type: 'list', of: NAME } },
      help: 'Each packet at each end of each link, in packets.pcapng; or at those of some hosts and routers.',
      otherwise: 'false',
    },
    snaplen: {
      shape: { type: 'quantity', unit: 'size', least: 14, most: MOST_SNAPLEN },
      help: 'So much of each packet.',
      otherwise: 'all of it',
    },
  },
};

const FAIRNESS: RecordShape = {
  type: 'record',
  fields: {
    window: {
      shape: { ...PERIOD, least: 1e6 },
      as: 'windowNs',
      help: "Jain's index is worked out for each of these.",
      otherwise: '1 s',
    },
    threshold: {
      shape: { type: 'number', least: 0, most: 1 },
      help: 'The index from which shares count as equal.',
      otherwise: '0.95',
    },
    after: {
      shape: TIME,
      as: 'afterNs',
      help: 'From when on after a start or a stop the least index counts, converged or not.',
      otherwise: 'once it has converged',
    },
  },
};

const SCENARIO: Fields = {
  name: { shape: { type: 'text' }, help: 'What it is about.', otherwise: "the file's name" },
  seed: {
    shape: { type: 'whole', least: 0, most: Number.MAX_SAFE_INTEGER },
    help: 'Of everything that is left to chance.',
    otherwise: '1',
  },
  duration: {
    shape: SOME_TIME,
    as: 'durationNs',
    isRequired: true,
    help: 'Of the experiment, in its own time.',
  },
  topology: { shape: TOPOLOGY, isRequired: true, help: 'Who is there, and what is between them.' },
  flows: {
    shape: { type: 'list', of: FLOW, least: 1, most: MOST_FLOWS },
    isRequired: true,
    help: 'Who sends what to whom.',
  },
  ip: { shape: IP, help: 'Over which IP flows are that say none.', otherwise: '4' },
  sysctl: { shape: { type: 'map', of: { type: 'text' } }, help: 'Settings of every host.' },
  paced: {
    shape: { type: 'flag' },
    as: 'isPaced',
    help: "Hosts space what they send, as under Linux's fq.",
    otherwise: 'what congestion control paces by itself',
  },
  modules: {
    shape: { type: 'map', of: { type: 'map', of: PARAMETER } },
    help: 'Parameters of congestion-control modules, as cubic: { hystart: 0 }.',
    otherwise: 'those of each module',
  },
  trace: { shape: TRACE, help: 'What is written down on the way.' },
  fairness: { shape: FAIRNESS, help: 'How shares of the endless bulk flows are compared.' },
  expect: {
    shape: { type: 'list', of: EXPECT_SHAPE, least: 1 },
    help: 'What should come of it.',
    otherwise: 'nothing',
  },
};

export const SCENARIO_SHAPE: RecordShape = { type: 'record', fields: SCENARIO };
