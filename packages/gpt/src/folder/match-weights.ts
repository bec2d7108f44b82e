import { quote } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { runsOf } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { Slot } from "../slots.ts";
import { mxfp4FileDType, mxfp4Shapes } from "./mxfp4.ts";
import type { OnNote } from "./notes.ts";
import type { FileTensor } from "./weight-files.ts";

/** A tensor that files have. */
export interface StoredTensor {
  /** Its name in the file. */
  readonly name: string;
  readonly entry: { readonly shape: readonly number[]; readonly dtype: string };
}

/** Where the weights of a model lie. */
export interface Match<T extends StoredTensor = FileTensor> {
  /** By the path of each weight. */
  readonly runs: ReadonlyMap<string, readonly Run[]>;
  /** By the names that runs have. */
  readonly tensors: ReadonlyMap<string, T>;
  /** A head that is stored beside the embedding to which the configuration ties it: both must be the same. */
  readonly tied: readonly [head: T, embedding: T] | undefined;
}

/**
 * Finds the tensors of every weight. Throws `missing-tensor` where one is missing, left over or of another shape, by comparison
 * with `expected`, which says what the configuration was read from.
 */
export function matchWeights<T extends StoredTensor>(
  slots: readonly Slot[], names: TensorNames, stored: readonly T[], folder: string, expected: string, onNote: OnNote,
): Match<T> {
  const tensors = byName(stored, names, folder);
  const left = new Set(tensors.keys());
  const tied = findTiedHead(slots, names, tensors);
  if (tied) left.delete(tied.name);
  const runs = new Map<string, Run[]>();
  const [missing, misshapen, mistyped] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const slot of slots) {
    const layout = names.layoutOf(slot);
    const found = layout ? runsOf(layout, slot) : [];
    runs.set(slot.path, found);
    if (!layout) missing.add(slot.path);
    for (const { tensor, shape, dtype } of found.flatMap(fileTensorsOf)) {
      const entry = tensors.get(tensor)?.entry;
      left.delete(tensor);
      if (!entry) missing.add(tensor);
      else if (entry.shape.join() !== shape.join()) {
        misshapen.add(`${tensor} is [${entry.shape.join(", ")}], expected [${shape.join(", ")}]`);
      } else if (dtype !== undefined && entry.dtype !== dtype) mistyped.add(`${tensor} is ${entry.dtype}, expected ${dtype}`);
    }
  }
  const unexpected = [...left].filter((name) => names.treatmentOf(name) === "refused");
  const problems = [
    ...listed("missing", [...missing]),
    ...listed("unexpected", unexpected.map(quote)),
    ...listed("wrong shape", [...misshapen]),
    ...listed("wrong dtype", [...mistyped]),
  ];
  if (problems.length > 0) {
    throw new GPTError("missing-tensor", `${folder}: the weights do not fit ${expected}; ${problems.join("; ")}`);
  }
  const beside = [...left].filter((name) => names.treatmentOf(name) === "noted");
  for (const note of listed("tensors beside the language model are ignored", beside.sort().map(quote))) {
    onNote(`${folder}: ${note}`);
  }
  return { runs, tensors, tied: tied?.pair };
}

/** What the files must have for a run: any dtype of elements, or a certain one. */
interface ExpectedTensor {
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly dtype?: string;
}

function fileTensorsOf({ tensor, shape, scales }: Run): ExpectedTensor[] {
  if (scales === undefined) return [{ tensor, shape }];
  const shapes = mxfp4Shapes(shape);
  return [
    { tensor, shape: shapes.values, dtype: mxfp4FileDType },
    { tensor: scales, shape: shapes.scales, dtype: mxfp4FileDType },
  ];
}

/** The tensors by their plain names. */
function byName<T extends StoredTensor>(stored: readonly T[], names: TensorNames, folder: string): Map<string, T> {
  const tensors = new Map<string, T>();
  for (const tensor of stored) {
    const name = names.plainName(tensor.name);
    if (tensors.has(name)) throw new GPTError("invalid-file", `${folder}: there are two tensors ${quote(name)}`);
    tensors.set(name, tensor);
  }
  return tensors;
}

/**
 * The head of a model whose head is tied, where the files have it all the same. One that lies there in the embedding's place
 * takes it: transformers v5.18.0, PreTrainedModel.tie_weights, ties in both directions.
 */
function findTiedHead<T extends StoredTensor>(
  slots: readonly Slot[], names: TensorNames, tensors: Map<string, T>,
): { readonly name: string; readonly pair: Match<T>["tied"] } | undefined {
  const embedding = slots.find(({ role }) => role === "embedding");
  if (!embedding || slots.some(({ role }) => role === "head")) return undefined;
  const [name, other] = [{ path: "head.weight", role: "head" } as const, embedding].map((slot) => {
    const layout = names.layoutOf(slot);
    return layout && "tensor" in layout ? layout.tensor : "";
  });
  const head = tensors.get(name);
  if (!head) return undefined;
  const stored = tensors.get(other);
  if (!stored) tensors.set(other, head);
  return { name, pair: stored && [head, stored] };
}

/** The first of some items behind a title, or nothing where there are none. */
export function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > 5 ? `, and ${items.length - 5} more` : "";
  return [`${title}: ${items.slice(0, 5).join(", ")}${more}`];
}
