/** Which pages of a cache are taken: counts alone, no memory. A page may have several owners, which share its contents. */
export class PagePool {
  readonly #owners: Uint32Array;
  #free: number;

  constructor(pages: number) {
    this.#owners = new Uint32Array(pages);
    this.#free = pages;
  }

  /** How many pages have no owner. */
  get free(): number {
    return this.#free;
  }

  /** How many owners a page has. */
  owners(page: number): number {
    return this.#owners[page];
  }

  /** Takes a free page: the one behind `previous` where that is free, since neighbours are read as one, else the first. */
  take(previous = -1): number {
    const next = previous + 1;
    const page = this.#owners[next] === 0 ? next : this.#owners.indexOf(0);
    if (page < 0) throw new RangeError("there is no free page");
    this.#owners[page] = 1;
    this.#free--;
    return page;
  }

  /** Adds an owner. */
  share(page: number): void {
    this.#owners[page]++;
  }

  /** Removes an owner. */
  drop(page: number): void {
    if (--this.#owners[page] === 0) this.#free++;
  }
}
