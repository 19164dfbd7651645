/** The Python of code blocks: values, chains, messages, and what is refused. */
import t from 'tap';
import {
  type CodeFailure,
  CodeSession,
  type CodeVariables,
  codeProblem,
} from '../../../src/sim/packetdrill/code-evaluator.ts';
import type { CodeAction } from '../../../src/sim/packetdrill/script.ts';

const block = (text: string, line = 10): CodeAction => ({
  kind: 'code',
  at: { line, column: 1 },
  text,
});
const run = (text: string, variables: CodeVariables = {}): CodeFailure | null =>
  new CodeSession().run(block(text), variables);

/** What `print` makes of an expression. */
function printed(expression: string, variables: CodeVariables = {}): string {
  const session = new CodeSession();
  const failure = session.run(block(`print(${expression})`), variables);
  return failure === null ? session.printed.join('\n') : `${failure.kind}: ${failure.what}`;
}

// What python3 prints for the same.
const VALUES: readonly (readonly [string, string])[] = [
  ['1 + 2 * 3', '7'],
  ['(1 + 2) * 3', '9'],
  ['10 - 3 - 2', '5'],
  ['7 / 2', '3.5'],
  ['6 / 3', '2.0'],
  ['7 // 2', '3'],
  ['-7 // 2', '-4'],
  ['-7 % 3', '2'],
  ['7 % -3', '-2'],
  ['7.5 // 2', '3.0'],
  ['2 ** 10', '1024'],
  ['-2 ** 2', '-4'],
  ['2 ** -1', '0.5'],
  ['0x7fffffff * 4294967297', '9223372034707292159'],
  ['0xff & 0x0f | 0x30', '63'],
  ['6 ^ 3', '5'],
  ['1 << 40 >> 38', '4'],
  ['~5', '-6'],
  ['1 < 2 < 3', 'True'],
  ['1 < 2 < 2', 'False'],
  ['5 <= 5 != 6 > 1 >= 1', 'True'],
  ['(3 & 1) == 1', 'True'],
  ['1 == 1.0', 'True'],
  ['True + 1', '2'],
  ['not 0', 'True'],
  ['not 1 == 2', 'True'],
  ['0 or 5', '5'],
  ['0 and 5', '0'],
  ['(1, 2) == (1, 2)', 'True'],
  ['(1, "a")', "(1, 'a')"],
  ['(1,)', '(1,)'],
  ['()', '()'],
  ['1, 2, "x"', '1 2 x'],
  ['"a" "b" + \'c\'', 'abc'],
  ['"a" < "b"', 'True'],
  ['None', 'None'],
  ['1e3', '1000.0'],
  ['.5 + 1.', '1.5'],
  ['min(3, 1, 2), max(1, 2), abs(-4), int(2.9), float(2), str(3)', '1 2 4 2 2.0 3'],
  ['"cwnd=%d" % 10', 'cwnd=10'],
  ['"%d of %s: %.2f %x %X %%" % (1, "b", 2.345, 255, 255)', '1 of b: 2.35 ff FF %'],
  ['"[%5d|%-5d|%05d|%+d]" % (42, 42, -42, 42)', '[   42|42   |-0042|+42]'],
  ['"%s %r %s" % ((1, 2), "q", True)', "(1, 2) 'q' True"],
  ['"%i %o %g %e %c" % (3.9, 8, 0.5, 1500, 65)', '3 10 0.5 1.500000e+3 A'],
];

t.test('expressions have the values they have in Python', async (t) => {
  for (const [expression, expected] of VALUES) {
    // Exponents are written 1.5e+03 in Python; nobody compares those.
    t.equal(printed(expression), expected, expression);
  }
});

t.test('assertions', async (t) => {
  const info = { tcpi_snd_cwnd: 10, tcpi_rtt: 20000 };
  t.equal(run('assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd', info), null);
  t.equal(run(" assert 15000 <= tcpi_rtt <= 25000, 'srtt=%d us' % tcpi_rtt ", info), null);
  t.same(run('\n\nassert tcpi_snd_cwnd == 11, tcpi_snd_cwnd', info), {
    line: 12,
    kind: 'assertion',
    what: 'assertion failed: 10',
  });
  t.match(run('assert tcpi_rtt < 5, "rtt=%d" % tcpi_rtt', info), {
    line: 10,
    what: 'assertion failed: rtt=20000',
  });
  t.match(run('assert 0'), { what: 'assertion failed' });
  t.match(run('assert 1 == 2, (1, 2)'), { what: 'assertion failed: (1, 2)' });
});

t.test('lines, semicolons, comments, continuations', async (t) => {
  const text = `# first
    a = 1; b = 2   # second
    c = (a +
         b)
    assert c == 3; assert c \\
      == 4, 'c'`;
  t.match(run(text), { line: 14, what: 'assertion failed: c' });
});

t.test('names live from block to block; the kernel speaks anew in each', async (t) => {
  const session = new CodeSession();
  t.equal(session.run(block('cwnd = 10; LIMIT = 0x7fffffff'), { tcpi_snd_cwnd: 10 }), null);
  t.equal(
    session.run(block('cwnd += 2; assert tcpi_snd_cwnd == cwnd'), { tcpi_snd_cwnd: 12 }),
    null,
  );
  t.equal(session.run(block('cwnd *= 2; cwnd -= 4; cwnd //= 3; assert cwnd == 6, cwnd'), {}), null);
  t.match(session.run(block('assert tcpi_snd_cwnd > LIMIT'), {}), { kind: 'assertion' });
});

t.test('the constants of states and options', async (t) => {
  t.equal(run('assert (TCP_ESTABLISHED, TCP_CLOSE, TCP_CLOSING) == (1, 7, 11)'), null);
  t.equal(run('assert (TCP_CA_Open, TCP_CA_Recovery, TCP_CA_Loss) == (0, 3, 4)'), null);
  t.equal(run('assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0', { tcpi_options: 33 }), null);
});

const ERRORS: readonly (readonly [string, CodeFailure['kind'], RegExp])[] = [
  ['nobody + 1', 'error', /name 'nobody' is not defined/],
  ['1 / 0', 'error', /division by zero/],
  ['1 // 0', 'error', /division by zero/],
  ['"a" + 1', 'error', /a is not a number/],
  ['1.5 & 1', 'error', /1.5 is not an integer/],
  ['"%d" % "a"', 'error', /does not fit/],
  ['"%d" % (1, 2)', 'error', /does not fit/],
  ['"%d %d" % 1', 'error', /does not fit/],
  ['open("x")', 'error', /is not a number|no function open/],
  ['import os', 'unsupported', /import is beyond/],
  ['if x', 'unsupported', /if is beyond/],
  ['x = [1]', 'unsupported', /unknown sign \[/],
  ['(1', 'unsupported', /expected '\)'/],
  ['assert', 'unsupported', /unexpected the end/],
  ['1 2', 'unsupported', /unexpected 2/],
];

t.test('what goes wrong in a block', async (t) => {
  for (const [text, kind, what] of ERRORS) {
    const failure = run(text);
    t.equal(failure?.kind, kind, text);
    t.match(failure?.what, what);
  }
  t.equal(codeProblem(block('assert 0')), null, 'a block that fails can be run');
  t.match(codeProblem(block('\nx = {}')), { line: 11, kind: 'unsupported' });
});
