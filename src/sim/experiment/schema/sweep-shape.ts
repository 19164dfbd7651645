/** A sweep file: a scenario, what is different in each cell, and how often each is run. */
import { TIME } from './limits.ts';
import type { RecordShape, Shape } from './shape.ts';

const ANY: Shape = { type: 'any' };
const VALUES: Shape = { type: 'list', of: ANY, least: 1 };
/** Of all together. */
export const MOST_CELLS = 1e6;

export const SWEEP_SHAPE: RecordShape = {
  type: 'record',
  fields: {
    scenario: {
      shape: { type: 'text' },
      isRequired: true,
      help: "A scenario file, from this file's folder.",
    },
    repeats: {
      shape: { type: 'whole', least: 1, most: MOST_CELLS },
      help: "Runs of each cell: with the scenario's seed, the next one, and so on.",
      otherwise: '1',
    },
    solo: {
      shape: { type: 'flag' },
      help: 'Each group of flows is also run alone, to tell what the others do to it.',
      otherwise: 'false',
    },
    limit: {
      shape: { ...TIME, least: 1e6 },
      as: 'limitNs',
      help: 'What takes longer, by the clock on the wall, has failed.',
      otherwise: 'none',
    },
    grid: {
      shape: { type: 'map', of: VALUES },
      help: 'Places in the scenario, as flows.0.cc, and their values: all combinations.',
    },
    cells: {
      shape: { type: 'list', of: { type: 'map', of: ANY }, least: 1 },
      help: 'Places and a value for each: one cell after the other.',
    },
    random: {
      shape: {
        type: 'record',
        fields: {
          samples: {
            shape: { type: 'whole', least: 1, most: MOST_CELLS },
            isRequired: true,
            help: 'So many cells.',
          },
          seed: {
            shape: { type: 'whole', least: 0, most: Number.MAX_SAFE_INTEGER },
            help: 'Of what is drawn.',
            otherwise: '1',
          },
          of: {
            shape: { type: 'map', of: VALUES },
            isRequired: true,
            help: 'Places and their values: one is drawn for each cell.',
          },
        },
      },
      help: 'Cells drawn at random.',
    },
  },
};
