/** A leftist heap of task positions: inserting and taking cost O(log n) and leave the old heap as it was. */
export type Heap = {
  readonly item: number;
  readonly rank: number;
  readonly left: Heap;
  readonly right: Heap;
} | null;

/** True when `a` is to be taken before `b`. Must be a total order. */
export type Before = (a: number, b: number) => boolean;

/** The heap with one more item. */
export function push(heap: Heap, item: number, before: Before): Heap {
  return merge(heap, { item, rank: 1, left: null, right: null }, before);
}

/** The heap without its first item. */
export function pop(heap: Heap, before: Before): Heap {
  return heap === null ? null : merge(heap.left, heap.right, before);
}

function merge(a: Heap, b: Heap, before: Before): Heap {
  if (a === null) return b;
  if (b === null) return a;
  const [top, other] = before(b.item, a.item) ? [b, a] : [a, b];
  const right = merge(top.right, other, before);
  const leftRank = top.left?.rank ?? 0;
  const rightRank = right?.rank ?? 0;
  return leftRank >= rightRank
    ? { item: top.item, rank: rightRank + 1, left: top.left, right }
    : { item: top.item, rank: leftRank + 1, left: right, right: top.left };
}
