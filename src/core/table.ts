const chunkSize = 64;

/**
 * An array that is cheap to change without changing the old one: an update copies one chunk and the list of chunks.
 * What makes folding 100,000 events over 10,000 tasks linear in practice.
 */
export class Table<T> {
  readonly #chunks: readonly (readonly T[])[];
  readonly length: number;

  private constructor(chunks: readonly (readonly T[])[], length: number) {
    this.#chunks = chunks;
    this.length = length;
  }

  static of<T>(items: readonly T[]): Table<T> {
    const chunks: T[][] = [];
    for (let at = 0; at < items.length; at += chunkSize) chunks.push(items.slice(at, at + chunkSize));
    return new Table(chunks, items.length);
  }

  /** The item at this position, or undefined outside the table. */
  get(index: number): T | undefined {
    return this.#chunks[Math.floor(index / chunkSize)]?.[index % chunkSize];
  }

  /** A table that differs in this position, which must lie inside. */
  set(index: number, item: T): Table<T> {
    const at = Math.floor(index / chunkSize);
    const chunk = [...(this.#chunks[at] ?? [])];
    chunk[index % chunkSize] = item;
    const chunks = [...this.#chunks];
    chunks[at] = chunk;
    return new Table(chunks, this.length);
  }

  /** A table that differs in these positions. Positions outside the table are ignored. */
  with(changes: ReadonlyMap<number, T>): Table<T> {
    const chunks = [...this.#chunks];
    const copied = new Map<number, T[]>();
    for (const [index, item] of changes) {
      const at = Math.floor(index / chunkSize);
      const old = chunks[at];
      if (old === undefined || index % chunkSize >= old.length) continue;
      const chunk = copied.get(at) ?? [...old];
      chunk[index % chunkSize] = item;
      copied.set(at, chunk);
      chunks[at] = chunk;
    }
    return new Table(chunks, this.length);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const chunk of this.#chunks) yield* chunk;
  }
}
