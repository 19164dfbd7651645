import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { Link, LinkList } from '../../src/base/link-list.ts';

t.test('a list gives back what was put in, in order, and may take it again', async (t) => {
  const list = new LinkList<string>();
  const links = ['a', 'b', 'c'].map((name) => new Link(name));
  for (const link of links) list.push(link);
  t.equal(list.shift(), 'a');
  list.push(links[0]!);
  t.equal(list.last, links[0]);
  t.same([list.shift(), list.shift(), list.shift()], ['b', 'c', 'a']);
  t.equal(list.first, null);
  t.equal(list.last, null);
  t.throws(() => list.shift(), InvariantError);
});
