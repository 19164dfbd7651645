/** What a running stack answers to `ringway addr`, `link`, `route`, `neigh`, `maddr`, `addrlabel`. */
import { Failure } from './failure.ts';
import { ipAddr } from './ip-addr.ts';
import { ipAddrLabel } from './ip-addrlabel.ts';
import { ipLink } from './ip-link.ts';
import { ipMaddr } from './ip-maddr.ts';
import { ipNeigh } from './ip-neigh.ts';
import { ipRoute } from './ip-route.ts';
import { type Family, Words } from './ip-words.ts';
import type { LiveStack } from './live-stack.ts';
import { linkStatsView, linkView } from './views.ts';

const MAX_WORDS = 64;
const MAX_WORD_LENGTH = 100;

export const IP_OBJECTS = ['addr', 'link', 'route', 'neigh', 'maddr', 'addrlabel'] as const;
export type IpObject = (typeof IP_OBJECTS)[number];

/** Of a request that is not trusted: `words` as they stand behind the command, `family` of -4 and -6. Throws a Failure. */
export function ipAnswer(
  live: LiveStack,
  object: IpObject,
  request: Readonly<Record<string, unknown>>,
): unknown {
  const words = new Words(wordsOf(request.words));
  const family = familyOf(request.family);
  const { stack } = live;
  switch (object) {
    case 'addr':
      return ipAddr(stack, words, family);
    case 'link':
      return link(live, words, request.statistics === true);
    case 'route':
      return ipRoute(stack, words, family);
    case 'neigh':
      return ipNeigh(stack, words, family);
    case 'maddr':
      return ipMaddr(stack, words, family);
    case 'addrlabel':
      return ipAddrLabel(stack, words);
  }
}

/** The links' counters, and what is counted beside them: frames by fate, and how the driver woke. */
function link(live: LiveStack, words: Words, hasStatistics: boolean): unknown {
  const links = ipLink(live.stack, words);
  if (links === null) return {};
  if (!hasStatistics) return { list: links.map(linkView) };
  const { drops } = live.stack.net;
  const { accepted, dropped } = drops;
  const driver = live.driver.stats.toObject();
  return {
    list: links.map(linkStatsView),
    stack: { accepted, dropped, drops: drops.toObject(), driver },
  };
}

export function wordsOf(words: unknown): readonly string[] {
  if (words === undefined) return [];
  const isSane =
    Array.isArray(words) &&
    words.length <= MAX_WORDS &&
    words.every((w) => typeof w === 'string' && w.length <= MAX_WORD_LENGTH);
  if (!isSane) throw new Failure('EINVAL', 'words: makes no sense');
  return words as string[];
}

function familyOf(family: unknown): Family {
  if (family === undefined || family === '') return '';
  if (family === 'inet' || family === 'inet6') return family;
  throw new Failure('EINVAL', 'family: makes no sense');
}
