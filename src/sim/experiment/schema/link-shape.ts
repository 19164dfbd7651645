/** A link's direction in a scenario file: LinkSpec, with units. */
import type { Fields, Shape } from './shape.ts';

const MOST_FRAMES = 1e7;
const LIMIT_FRAMES = { type: 'whole', least: 1, most: MOST_FRAMES } as const;
const LIMIT_BYTES = { type: 'quantity', unit: 'size', least: 1 } as const;

/** What every queue has. */
const LIMITS: Fields = {
  frames: {
    shape: LIMIT_FRAMES,
    as: 'limitFrames',
    help: 'Room for so many packets.',
    otherwise: '1000',
  },
  bytes: { shape: LIMIT_BYTES, as: 'limitBytes', help: 'Room for so many bytes.' },
};

const QUEUE: Shape = {
  type: 'variant',
  kinds: { 'drop-tail': LIMITS, 'drop-head': LIMITS },
};

export const LINK_FIELDS: Fields = {
  rate: {
    shape: { type: 'quantity', unit: 'rate', least: 1 },
    as: 'rateBps',
    help: 'Bits of frames a second.',
    otherwise: 'no limit',
  },
  delay: {
    shape: { type: 'quantity', unit: 'time', least: 0 },
    as: 'delayNs',
    help: 'From the last bit sent to the last bit received.',
    otherwise: '0',
  },
  queue: {
    shape: QUEUE,
    help: 'Who waits for the link, and who is dropped.',
    otherwise: 'drop-tail',
  },
  loss: {
    shape: { type: 'number', least: 0, most: 1 },
    help: 'The probability with which each packet is lost.',
    otherwise: '0',
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
