/** Where we answer otherwise than Linux 6.18, and docs/interop-probes.md says why. */
export interface Explained {
  /** The row of the document. */
  readonly row: string;
  /** Of the probes. */
  readonly names: RegExp;
}

export const EXPLAINED: readonly Explained[] = [
  { row: 'PIM, UDP-Lite', names: /^(next header|protocol) (103|136),/ },
  { row: 'Routing header, type 3 or 4', names: /^chain .*rt[34],[01]/ },
  { row: 'CALIPSO and IOAM options', names: /^header 0, option (7|49),/ },
  {
    row: 'First fragment that does not hold its headers',
    names: /^first fragment of (0|43|51|60),/,
  },
  {
    row: 'Overlapping and odd fragments',
    names:
      /^fragments: (one in another|an overlap, and then all of it|not a multiple of eight, then from there)$/,
  },
  {
    row: 'IPv6 packet for another host',
    names: / to (::|2001:db8::9|::ffff:its IPv4 address)$/,
  },
  { row: 'ICMP timestamp', names: /^icmp 13\// },
  {
    row: 'Record route, timestamps',
    names: /^(option (7|68),|options: (a record route|two record routes|timestamps))/,
  },
  { row: 'CIPSO', names: /^(option 134,|options: a CIPSO)/ },
  { row: 'From the broadcast address', names: / from net\.255$/ },
  { row: 'TCP-MD5', names: /a SYN with option 19, length 18$/ },
];
