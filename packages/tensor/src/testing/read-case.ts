import type { Backend } from "../contract/index.ts";
import type { Check } from "./case.ts";
import { compare } from "./compare.ts";
import type { NdArray } from "./reference/array.ts";

/** Something that is read by a call that takes its time. */
export interface Readable {
  read(): Promise<ArrayLike<number>>;
  /** Stores something else in its place. */
  overwrite(): void;
  dispose(): void;
}

/** Checks that a read gives what was stored when it was called, though it is overwritten and freed before it ends. */
export function reads(name: string, expected: NdArray, place: (backend: Backend) => Readable, tolerance = 0): Check {
  return {
    name: `${name}: a read is of what was stored when it was called`,
    async run(backend) {
      const subject = place(backend);
      const all = [subject.read()];
      subject.overwrite();
      all.push(subject.read());
      subject.dispose();
      const [before, after] = await Promise.all(all);
      compare("what was read", before, expected, tolerance);
      if (before.length > 0 && before[0] === after[0]) throw new Error("the second read is of what was stored before");
    },
  };
}
