/** Which of the words somebody may have meant. */

/** Letters to add, to leave out or to change until one is the other; two that change places count once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The closest one if it is close, else all of them: the end of an error message. */
export function suggestion(word: string, words: readonly string[]): string {
  const plain = word.toLowerCase();
  const near = words
    .map((w) => ({ w, far: distance(plain, w.toLowerCase()) }))
    .sort((x, y) => x.far - y.far)[0];
  const most = Math.min(word.length - 1, Math.max(1, Math.floor(word.length / 3)));
  if (near !== undefined && near.far <= most) {
    return `did you mean "${near.w}"?`;
  }
  return words.length === 0 ? 'there are none' : `there are ${words.join(', ')}`;
}
