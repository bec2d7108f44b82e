/**
 * Runs a decoder by ONNX Runtime, as programs of others do: in Node, and, with its types stripped, in a browser. It imports
 * types alone.
 */
import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-node";

/** onnxruntime-node or onnxruntime-web. */
export interface Runtime {
  readonly Tensor: TensorConstructor;
}

/** Keys and values by the names of their inputs. */
export type Past = Readonly<Record<string, Tensor>>;

/** What is read of several sequences of one length: in attention masks, 0 is padding. */
export interface Batch {
  readonly ids: readonly (readonly number[])[];
  readonly positions: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
}

export interface Read {
  /** `[batch · tokens · vocabSize]`. */
  readonly logits: Float32Array;
  readonly past: Past;
}

export async function read({ Tensor }: Runtime, session: InferenceSession, { ids, positions, mask }: Batch, past?: Past): Promise<Read> {
  const integers = (rows: readonly (readonly number[])[]): Tensor =>
    new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);
  const empty = (shape: readonly (number | string)[]): Tensor =>
    new Tensor("float32", new Float32Array(), shape.map((size) => (size === "batch_size" ? ids.length : typeof size === "number" ? size : 0)));
  const before = past ?? Object.fromEntries(session.inputMetadata.flatMap((input) =>
    input.isTensor && input.name.startsWith("past_key_values.") ? [[input.name, empty(input.shape)]] : []));
  const { logits, ...present } = await session.run({
    input_ids: integers(ids), position_ids: integers(positions), attention_mask: integers(mask), ...before,
  });
  return {
    logits: logits.data as Float32Array,
    past: Object.fromEntries(Object.entries(present).map(([name, tensor]) => [name.replace("present.", "past_key_values."), tensor])),
  };
}

/** The likeliest tokens behind a prompt, with keys and values kept, and the scores that they were chosen by. */
export async function greedy(
  runtime: Runtime, session: InferenceSession, prompt: readonly number[], count: number,
): Promise<{ ids: number[]; logits: number[][] }> {
  const all = [...prompt];
  const rows: number[][] = [];
  let [past, seen] = [undefined as Past | undefined, 0];
  while (rows.length < count) {
    const ids = all.slice(seen);
    const batch = { ids: [ids], positions: [ids.map((_, i) => seen + i)], mask: [all.map(() => 1)] };
    const result: Read = await read(runtime, session, batch, past);
    const row = [...result.logits.slice(-result.logits.length / ids.length)];
    [past, seen] = [result.past, all.length];
    rows.push(row);
    all.push(row.indexOf(Math.max(...row)));
  }
  return { ids: all.slice(prompt.length), logits: rows };
}
